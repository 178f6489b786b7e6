// Export of a network to ONNX: pure arithmetic of operators that every runtime has, the weights inside the
// file.
//
// The graph takes the table's features as they are ("input", [batch, features]), scales them, and gives
// "logits" and "probabilities", both [batch, classes]. Equal models give equal bytes. Safe from any thread.
#pragma once

#include "core/bytes.h"
#include "core/result.h"
#include "learn/network.h"

namespace sallyport::learn {

inline constexpr std::string_view kInputName = "input";
inline constexpr std::string_view kLogitsName = "logits";
inline constexpr std::string_view kProbabilitiesName = "probabilities";

Result<Bytes> export_onnx(const Model& model);

// What the Open Inference Protocol says of the exported model: {"name", "versions", "platform", "inputs":
// [{"name", "datatype", "shape", "minimum", "maximum"}], "outputs": […]}. The range is that of the network,
// when it has one.
Json model_metadata(const Network& network, const std::string& name);

}  // namespace sallyport::learn
