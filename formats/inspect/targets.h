// Names in configurations that a reader of theirs imports and calls: Hydra's `_target_`, Lightning's
// `class_path`, latent diffusion's `target`, MLflow's `loader_module`, jsonpickle's `py/object` and its kin;
// for the inspectors alone.
//
// Ordinary configurations name classes of the user's own, so a name is held against the table of dangers
// (formats/pickle_danger.def) and not against the packs; jsonpickle's members are worth a word whatever they
// name, because they rebuild objects as a pickle does.
#pragma once

#include <string_view>

#include "formats/inspect/inspect.h"

namespace sallyport::formats::inspect {

// Whether some reader takes the value of this member for something to import.
bool is_target_member(std::string_view member);

void judge_target(Probe& probe, std::string_view member, std::string_view name, std::uint64_t offset);

}  // namespace sallyport::formats::inspect
