// From a Confinement to what the sandbox's init does, step by step: everything is looked up and allocated
// here.
//
// Pure but for looking at the host's files. Safe from any thread.
#pragma once

#include "core/result.h"
#include "services/sandbox/inside.h"
#include "services/sandbox/programs.h"

namespace sallyport::services::sandbox::detail {

// The part of the plan that the confinement and the host's folders decide: entries, grants, decoys, programs,
// arguments, environment and resource limits. `programs` are programs_of the confinement. Refuses what no
// sandbox can be built from: a relative or repeated place, a bind over /proc, a missing source.
Result<Plan> make_plan(const Confinement& confinement, const std::vector<Program>& programs);

}  // namespace sallyport::services::sandbox::detail
