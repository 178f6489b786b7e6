// Chat templates that an inspector found in its layer, judged; for the inspectors alone.
#pragma once

#include <string>
#include <string_view>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// `offset` is where the template begins in the layer, or, where it is escaped there, where its layer begins.
// `in_place`: the template's bytes lie in the layer as they are.
void judge_template(Probe& probe, std::string_view source, const std::string& name, std::uint64_t offset,
                    bool in_place);

}  // namespace sallyport::formats::inspect
