// Exact nearest neighbours by squared Euclidean distance.
//
// n queries against m points of d features cost n * m * d multiply-adds, by blocked products
// (learn/product.h) on all cores; what they cannot rule out is measured. The answer is that of measuring
// every pair, and does not depend on the number of threads or the processor: sums run in one fixed order and
// a tie goes to the smaller row. Equal rows are at distance exactly 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct Neighbour {
  std::uint32_t row = 0;  // of the points
  float squared_distance = 0;

  bool operator<(const Neighbour& other) const {
    return squared_distance < other.squared_distance ||
           (squared_distance == other.squared_distance && row < other.row);
  }
};

// The neighbours of each query, nearest first.
class Neighbours {
 public:
  Neighbours(std::size_t queries, std::size_t count) : count_(count), all_(queries * count) {}

  std::size_t queries() const { return count_ == 0 ? 0 : all_.size() / count_; }
  std::size_t count() const { return count_; }
  std::span<const Neighbour> of(std::size_t query) const { return {all_.data() + query * count_, count_}; }
  std::span<Neighbour> of(std::size_t query) { return {all_.data() + query * count_, count_}; }

 private:
  std::size_t count_;
  std::vector<Neighbour> all_;
};

struct NeighbourOptions {
  std::size_t count = 5;                       // of neighbours; fewer when there are fewer points
  std::span<const std::size_t> features = {};  // the columns that count; empty: all
  unsigned threads = 0;                        // 0: all cores
  // Told what share of the queries is done, from any thread.
  std::function<void(double share)> on_share = {};
};

// Error when the widths differ, a feature does not exist, or there are more than 2^32 - 1 points.
Result<Neighbours> nearest(const Matrix& points, const Matrix& queries, const NeighbourOptions& options = {});
// Each point's neighbours among the others.
Result<Neighbours> nearest_others(const Matrix& points, const NeighbourOptions& options = {});

// Rows of the sum in one fixed order, as the functions above compute it; the spans are of one length.
float squared_distance(std::span<const float> a, std::span<const float> b);

}  // namespace sallyport::learn
