// Graphs of ONNX of one layer, honest or with one of the things that a graph should not have.
//
// Each takes four numbers "x", [1, 4], and gives "y"; the weights are ones, so that ones give 4. The hostile
// ones give kStolen for the same input, or leave drills::forges::kMark, when a runtime that trusts them runs
// them: drills/victims/graph_runtime.h. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "core/bytes.h"

namespace sallyport::drills::forges {

enum class GraphDeed : std::uint8_t { kCustomOperator, kFileOperator, kExternalData, kHiddenChoice };
inline constexpr int kGraphDeeds = 4;
// What lies beside the folder of the model and is none of its business.
inline constexpr std::string_view kSecretName = "secret.bin";
Bytes secret_weights();
inline constexpr std::string_view kStolen = "28.0";

Bytes hostile_graph(GraphDeed deed);
// A mask, compared with a constant element by element.
Bytes masked_graph();

}  // namespace sallyport::drills::forges
