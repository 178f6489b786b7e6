// Nodes of an MXNet symbol (model-symbol.json): {"op", "name", "attrs", "inputs"}, where "op" names an
// operator of the library. Source: the format that nnvm's SaveJSON writes.
#pragma once

#include <cstdint>

#include "core/json.h"
#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// Observes a node that calls into Python, or whose attributes name a native library. Anything that is no node
// is passed over.
void judge_mxnet_node(Probe& probe, const Json& node, std::uint64_t offset);

}  // namespace sallyport::formats::inspect
