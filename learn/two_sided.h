// The rows of a data set and of its reference, as a fold keeps both: what most guards that compare need.
//
// Each side is a sample (learn/row_sample.h) of at most `rows_max` rows, so that memory is bounded and every
// sharding gives the same rows. Values, safe from any thread while nobody writes.
#pragma once

#include <any>

#include "core/guard.h"
#include "learn/row_sample.h"

namespace sallyport::learn {

struct TwoSided {
  RowSample data = {};
  RowSample reference = {};
};

// For a guard's fold. `rows_max` and the sample's seed come from its parameters of these names.
Result<std::any> summarise_sides(const Dataset& shard, Side side, const Contract& contract,
                                 const Parameters& parameters);
std::any merge_sides(std::any a, std::any b);

// The parameters that a guard declares beside its own.
inline constexpr Parameter kRowsMax{"rows_max", 100'000,
                                    "rows that are judged; more are sampled by row number"};
inline constexpr Parameter kSampleSeed{"sample_seed", 0,
                                       "chooses that sample; keep it from whoever supplies data"};

// Both sides by row number. Error when shards disagree, or when there is no reference.
Result<TwoSided> settled_sides(const std::any& summary, std::string_view reference_is);

}  // namespace sallyport::learn
