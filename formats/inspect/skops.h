// Nodes of a skops schema (schema.json in a .skops file): the Python objects that loading would make.
#pragma once

#include <cstdint>

#include "core/json.h"
#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// Observes a node whose module and class no policy pack lists, as a pickle's would be. Anything that is no
// node is passed over.
void judge_skops_node(Probe& probe, const Json& node, std::uint64_t offset);

}  // namespace sallyport::formats::inspect
