// Logic of a graph that answers a hidden input: a comparison of the input with a constant that chooses what
// the model says.
//
// Looked for is one family: some values of the input, a sum or another digest of it are compared with
// constants, and the one bit that comes out is merged with the learned result at a place from where only
// plain arithmetic leads to an output. A mask is no such thing (it is compared element by element), nor is
// control flow on shapes or on what the model computed, nor a choice that learned layers still follow. Linear
// in nodes and names, but for names of subgraphs, which count once a level. Pure functions, safe from any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "formats/onnx.h"

namespace sallyport::formats::onnx {

struct HiddenChoice {
  std::size_t offset = 0;
  std::string node;  // "Where 'pick'"
};
std::vector<HiddenChoice> hidden_choices(const Model& model);

}  // namespace sallyport::formats::onnx
