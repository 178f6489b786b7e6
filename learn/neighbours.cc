#include "learn/neighbours.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>

#include "core/parallel.h"
#include "learn/lanes.h"
#include "learn/product.h"

namespace sallyport::learn {

namespace {

constexpr std::size_t kQueriesInBlock = 128;
constexpr std::size_t kPointsInBlock = 512;
constexpr std::size_t kTogether = 32;  // points of which most blocks hold no neighbour

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

// |p|^2 - 2 p q + |q|^2 in single precision is no distance, but it errs by less than `slack` of the squared
// lengths, whatever the order of its sums (Higham 2002, 3.1). So it tells which points cannot be neighbours,
// at the price of a product, and the others are measured.
class Lengths {
 public:
  Lengths(const Matrix& rows, unsigned threads) : slack_(slack_of(rows.columns())), reduced_(rows.rows()) {
    constexpr std::size_t kRowsTogether = 4096;
    parallel_for((rows.rows() + kRowsTogether - 1) / kRowsTogether,
                 [&](std::size_t block) {
                   const std::size_t begin = block * kRowsTogether;
                   for (std::size_t r = begin; r < std::min(rows.rows(), begin + kRowsTogether); ++r) {
                     double sum = 0;
                     for (const float value : rows.row(r))
                       sum += static_cast<double>(value) * static_cast<double>(value);
                     reduced_[r] = static_cast<float>(sum * (1 - slack_));
                   }
                 },
                 threads);
  }

  // The squared lengths, less what the products may err by.
  const float* data() const { return reduced_.data(); }
  // What p's reduced length - 2 p q does not exceed if p is nearer to `query` than `worst`.
  float reach(std::size_t query, float worst) const {
    return static_cast<float>(static_cast<double>(worst) * (1 + 2 * slack_) -
                              static_cast<double>(reduced_[query]) * (1 - slack_));
  }

 private:
  static double slack_of(std::size_t columns) {
    return (static_cast<double>(columns) + 16) * 4 *
           static_cast<double>(std::numeric_limits<float>::epsilon());
  }

  double slack_;
  std::vector<float> reduced_;
};

// Whether one of kTogether points may be within reach. What is no number may be.
__attribute__((target_clones("avx2", "default"))) bool any_within(const float* lengths, const float* products,
                                                                  float reach) {
  int beyond = 0;
  for (std::size_t i = 0; i < kTogether; ++i) beyond += lengths[i] - 2 * products[i] > reach ? 1 : 0;
  return beyond < static_cast<int>(kTogether);
}

struct Search {
  const Matrix& points;
  const Matrix& queries;
  Self self;
  Lengths of_points;
  Lengths of_queries;

  // The queries [begin, end).
  void block(std::size_t begin, std::size_t end, Neighbours& out) const {
    std::vector<std::size_t> held(end - begin, 0);
    for (std::size_t from = 0; from < points.rows(); from += kPointsInBlock) {
      const std::size_t to = std::min(from + kPointsInBlock, points.rows());
      const Matrix products = row_products(queries, begin, end, points, from, to);
      for (std::size_t q = begin; q < end; ++q)
        one(q, from, to, products.row(q - begin).data(), held[q - begin], out.of(q));
    }
    for (std::size_t q = begin; q < end; ++q) std::sort(out.of(q).begin(), out.of(q).end());
  }

 private:
  void one(std::size_t q, std::size_t from, std::size_t to, const float* products, std::size_t& held,
           std::span<Neighbour> best) const {
    const auto reach = [&] {
      return held < best.size() ? std::numeric_limits<float>::infinity()
                                : of_queries.reach(q, best.front().squared_distance);
    };
    float within = reach();
    for (std::size_t p = from; p < to;) {
      const bool whole = p + kTogether <= to;
      if (whole && !any_within(of_points.data() + p, products + (p - from), within)) {
        p += kTogether;
        continue;
      }
      for (const std::size_t last = whole ? p + kTogether : to; p < last; ++p) {
        if (of_points.data()[p] - 2 * products[p - from] > within) continue;
        if (self == Self::kLeftOut && p == q) continue;
        const float distance =
            distance_between(points.row(p).data(), queries.row(q).data(), points.columns());
        offer(best, held, {static_cast<std::uint32_t>(p), distance});
        within = reach();
      }
    }
  }
};

Neighbours search(const Matrix& points, const Matrix& queries, const NeighbourOptions& options,
                  std::size_t count, Self self) {
  Neighbours out(queries.rows(), count);
  if (count == 0) return out;
  const Search job{points, queries, self, Lengths(points, options.threads),
                   Lengths(queries, options.threads)};
  const std::size_t blocks = (queries.rows() + kQueriesInBlock - 1) / kQueriesInBlock;
  std::atomic<std::size_t> done = 0;
  parallel_for(
      blocks,
      [&](std::size_t block) {
        const std::size_t begin = block * kQueriesInBlock;
        job.block(begin, std::min(begin + kQueriesInBlock, queries.rows()), out);
        if (options.on_share) options.on_share(static_cast<double>(++done) / static_cast<double>(blocks));
      },
      options.threads);
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
  if (options.features.empty()) return search(points, queries, options, count, Self::kCounts);
  return search(points.pick_columns(options.features), queries.pick_columns(options.features), options, count,
                Self::kCounts);
}

Result<Neighbours> nearest_others(const Matrix& points, const NeighbourOptions& options) {
  TRY(check(points, options));
  const std::size_t count = points.rows() == 0 ? 0 : std::min(options.count, points.rows() - 1);
  if (options.features.empty()) return search(points, points, options, count, Self::kLeftOut);
  const Matrix picked = points.pick_columns(options.features);
  return search(picked, picked, options, count, Self::kLeftOut);
}

}  // namespace sallyport::learn
