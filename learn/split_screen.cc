#include "learn/split_screen.h"

#include <algorithm>

#include "learn/matrix.h"
#include "learn/neighbours.h"
#include "learn/range_scaling.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

std::vector<std::size_t> unsupported(const Neighbours& near, const std::vector<std::string>& labels,
                                     const std::vector<std::string>& known) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < near.queries(); ++i) {
    const auto around = near.of(i);
    const bool supported = std::any_of(around.begin(), around.end(), [&](const Neighbour& neighbour) {
      return known[neighbour.row] == labels[i];
    });
    if (!supported) out.push_back(i);
  }
  return out;
}

}  // namespace

Result<SplitScreen> screen_split(const Dataset& split, const Dataset& reference,
                                 const SplitScreenOptions& options) {
  const std::vector<std::string> labels = TRY(split.labels());
  const std::vector<std::string> known = TRY(reference.labels());
  Matrix points = TRY(features_of(reference, Missing::kMedian));
  Matrix queries = TRY(features_of(split, Missing::kMedian));
  if (points.columns() != queries.columns()) return invalid("screen: the tables have other features");
  if (points.rows() < 2 * options.neighbours) return invalid("screen: the reference has too few rows");
  const RangeScaling scaling(points);
  points = scaling.apply(std::move(points));
  queries = scaling.apply(std::move(queries));
  const NeighbourOptions near{.count = options.neighbours};
  SplitScreen out{.rows = queries.rows(), .reference_rows = points.rows()};
  out.unsupported = unsupported(TRY(nearest(points, queries, near)), labels, known);
  const std::size_t usual = unsupported(TRY(nearest_others(points, near)), known, known).size();
  out.base_rate = static_cast<double>(usual + 1) / static_cast<double>(points.rows() + 1);
  out.p_value = binomial_upper_tail(out.unsupported.size(), out.rows, out.base_rate);
  return out;
}

}  // namespace sallyport::learn
