// A device that loads a TFLite package without verifying it: offsets are followed wherever they lead, an
// operator runs what is registered under its name, and what is appended is taken for a hook.
//
// Written in Python and run confined: run_python(world, device_script(), {"model.tflite"}). Its memory behind
// the file holds a secret; it writes the sum of the first buffer to the file "sum". Constant.
#pragma once

#include <string_view>

namespace sallyport::drills::victims {

inline constexpr std::string_view kSum = "sum";
std::string_view device_script();

}  // namespace sallyport::drills::victims
