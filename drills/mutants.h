// Mutants of a guard: the same record with every hook replaced, to show that samples and drills would notice.
//
// Pure functions, safe from any thread. A mutant points at the texts of the guard that it was made from.
#pragma once

#include "core/guard.h"

namespace sallyport::drills {

// Finds nothing in anything.
Guard blind_of(const Guard& guard);
// Finds something critical in everything.
Guard wall_of(const Guard& guard);

}  // namespace sallyport::drills
