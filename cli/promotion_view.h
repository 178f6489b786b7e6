// How promote and approve tell what stands and what is missing. Pure but for the output; for one thread at a
// time.
#pragma once

#include "cli/command.h"
#include "services/registry/promotion.h"

namespace sallyport::cli {

// Clean when the alias moved, findings when something is missing.
Exit show_promotion(const services::registry::PromotionState& state, Output& output);

}  // namespace sallyport::cli
