#include "learn/neighbours.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "core/parallel.h"

namespace sallyport::learn {

namespace {

// Eight sums side by side: the compiler makes one vector register of them, or two on a narrower machine, and
// because the order of additions is written down here it is the same everywhere.
constexpr std::size_t kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

constexpr std::size_t kQueriesInBlock = 32;
constexpr std::size_t kPointsInBlock = 256;

float distance_between(const float* a, const float* b, std::size_t size) {
  Lanes first{};
  Lanes second{};
  std::size_t i = 0;
  for (; i + 2 * kLanes <= size; i += 2 * kLanes) {
    Lanes x;
    Lanes y;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    first += (x - y) * (x - y);
    std::memcpy(&x, a + i + kLanes, sizeof x);
    std::memcpy(&y, b + i + kLanes, sizeof y);
    second += (x - y) * (x - y);
  }
  float rest = 0;
  for (; i < size; ++i) rest += (a[i] - b[i]) * (a[i] - b[i]);
  first += second;
  for (std::size_t lane = 0; lane < kLanes; ++lane) rest += first[lane];
  return rest;
}

// A max-heap of the best so far: the worst of them is at the front.
void offer(std::span<Neighbour> best, std::size_t& held, Neighbour candidate) {
  if (held < best.size()) {
    best[held++] = candidate;
    std::push_heap(best.begin(), best.begin() + static_cast<std::ptrdiff_t>(held));
  } else if (candidate < best.front()) {
    std::pop_heap(best.begin(), best.end());
    best.back() = candidate;
    std::push_heap(best.begin(), best.end());
  }
}

enum class Self : std::uint8_t { kCounts, kLeftOut };

Neighbours search(const Matrix& points, const Matrix& queries, std::size_t count, Self self,
                  unsigned threads) {
  Neighbours out(queries.rows(), count);
  if (count == 0) return out;
  const std::size_t blocks = (queries.rows() + kQueriesInBlock - 1) / kQueriesInBlock;
  parallel_for(
      blocks,
      [&](std::size_t block) {
        const std::size_t begin = block * kQueriesInBlock;
        const std::size_t end = std::min(begin + kQueriesInBlock, queries.rows());
        std::vector<std::size_t> held(end - begin, 0);
        for (std::size_t from = 0; from < points.rows(); from += kPointsInBlock) {
          const std::size_t to = std::min(from + kPointsInBlock, points.rows());
          for (std::size_t q = begin; q < end; ++q) {
            for (std::size_t p = from; p < to; ++p) {
              if (self == Self::kLeftOut && p == q) continue;
              const float distance =
                  distance_between(points.row(p).data(), queries.row(q).data(), points.columns());
              offer(out.of(q), held[q - begin], {static_cast<std::uint32_t>(p), distance});
            }
          }
        }
        for (std::size_t q = begin; q < end; ++q) std::sort(out.of(q).begin(), out.of(q).end());
      },
      threads);
  return out;
}

Result<void> check(const Matrix& points, const NeighbourOptions& options) {
  if (points.rows() > std::numeric_limits<std::uint32_t>::max()) {
    return fail(ErrorKind::kLimit, "neighbours: more than 2^32 - 1 points");
  }
  for (const std::size_t feature : options.features) {
    if (feature >= points.columns()) {
      return invalid("neighbours: no feature " + std::to_string(feature) + " among " +
                     std::to_string(points.columns()));
    }
  }
  return {};
}

}  // namespace

float squared_distance(std::span<const float> a, std::span<const float> b) {
  SP_CHECK(a.size() == b.size());
  return distance_between(a.data(), b.data(), a.size());
}

Result<Neighbours> nearest(const Matrix& points, const Matrix& queries, const NeighbourOptions& options) {
  if (points.columns() != queries.columns()) {
    return invalid("neighbours: points have " + std::to_string(points.columns()) + " features, queries " +
                   std::to_string(queries.columns()));
  }
  TRY(check(points, options));
  const std::size_t count = std::min(options.count, points.rows());
  if (options.features.empty()) return search(points, queries, count, Self::kCounts, options.threads);
  return search(points.pick_columns(options.features), queries.pick_columns(options.features), count,
                Self::kCounts, options.threads);
}

Result<Neighbours> nearest_others(const Matrix& points, const NeighbourOptions& options) {
  TRY(check(points, options));
  const std::size_t count = points.rows() == 0 ? 0 : std::min(options.count, points.rows() - 1);
  if (options.features.empty()) return search(points, points, count, Self::kLeftOut, options.threads);
  const Matrix picked = points.pick_columns(options.features);
  return search(picked, picked, count, Self::kLeftOut, options.threads);
}

}  // namespace sallyport::learn
