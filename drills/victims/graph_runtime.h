// A small runtime for ONNX graphs that trusts what it is given: it opens external data wherever it is said to
// be, and runs whatever operator is registered under a name.
//
// Written in Python and run confined: run_python(world, graph_runtime_script(), {"model/model.onnx"}). It
// runs the graph on four ones and writes the first number of the result to the file "answer". Constant.
#pragma once

#include <string_view>

namespace sallyport::drills::victims {

inline constexpr std::string_view kAnswer = "answer";
std::string_view graph_runtime_script();

}  // namespace sallyport::drills::victims
