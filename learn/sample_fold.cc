#include "learn/sample_fold.h"

#include "learn/row_sample.h"

namespace sallyport::learn {

Result<std::any> summarise_sample(const Dataset& shard, Side side, const Contract&,
                                  const Parameters& parameters) {
  const auto rows_max = static_cast<std::size_t>(parameters.get("rows_max"));
  const auto seed = static_cast<std::uint64_t>(parameters.get("sample_seed"));
  if (side == Side::kReference) return std::any(RowSample{.rows_max = rows_max, .seed = seed});
  return std::any(sample_rows(shard, rows_max, seed));
}

std::any merge_samples(std::any a, std::any b) {
  return merge(std::any_cast<RowSample>(std::move(a)), std::any_cast<RowSample>(std::move(b)));
}

}  // namespace sallyport::learn
