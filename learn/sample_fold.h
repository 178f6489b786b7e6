// The fold of a guard that judges a sample of the rows: its parameters `rows_max` and `sample_seed` say
// which.
//
// A reference is not looked at. Pure functions, safe from any thread.
#pragma once

#include <any>

#include "core/guard.h"

namespace sallyport::learn {

// A RowSample; see learn/row_sample.h for what of it does not depend on sharding.
Result<std::any> summarise_sample(const Dataset& shard, Side side, const Contract& contract,
                                  const Parameters& parameters);
std::any merge_samples(std::any a, std::any b);

}  // namespace sallyport::learn
