// What running an operator of TensorFlow touches, by its name: the table is tensorflow_operators.def.
//
// A name that the table lacks belongs to a library that somebody loads. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace sallyport::formats::tensorflow {

enum class Standing : std::uint8_t {
  kPlain,       // tensors, variables, control flow
  kCheckpoint,  // saves and restores variables: expected in a SavedModel's saver, nowhere else
  kFiles,       // reads or writes files that a tensor or an attribute names
  kNetwork,     // talks to other processes
  kCode,        // runs code that is not in the graph
  kUnknown,
};
Standing standing_of(std::string_view op);
// "reads or writes files", behind the name of an operator.
std::string_view reason(Standing standing);

}  // namespace sallyport::formats::tensorflow
