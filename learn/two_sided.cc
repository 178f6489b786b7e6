#include "learn/two_sided.h"

namespace sallyport::learn {

Result<std::any> summarise_sides(const Dataset& shard, Side side, const Contract&,
                                 const Parameters& parameters) {
  const auto rows_max = static_cast<std::size_t>(parameters.get("rows_max"));
  const auto seed = static_cast<std::uint64_t>(parameters.get("sample_seed"));
  TwoSided out{.data = {.rows_max = rows_max, .seed = seed},
               .reference = {.rows_max = rows_max, .seed = seed}};
  (side == Side::kData ? out.data : out.reference) = sample_rows(shard, rows_max, seed);
  return std::any(std::move(out));
}

std::any merge_sides(std::any a, std::any b) {
  TwoSided x = std::any_cast<TwoSided>(std::move(a));
  TwoSided y = std::any_cast<TwoSided>(std::move(b));
  x.data = merge(std::move(x.data), std::move(y.data));
  x.reference = merge(std::move(x.reference), std::move(y.reference));
  return x;
}

Result<TwoSided> settled_sides(const std::any& summary, std::string_view reference_is) {
  const TwoSided& both = std::any_cast<const TwoSided&>(summary);
  if (both.reference.seen == 0) {
    return invalid("data set " + both.data.rows.name + ": no reference",
                   "this guard holds it against " + std::string(reference_is));
  }
  TwoSided out;
  out.data = TRY(settled(both.data));
  out.reference = TRY(settled(both.reference));
  return out;
}

}  // namespace sallyport::learn
