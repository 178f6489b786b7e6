// Features as shares of the range that a reference has, so that distances weigh every column alike.
//
// What never varies in the reference counts nothing; what lies outside its range is clipped half a range
// beyond. Values; safe from any thread.
#pragma once

#include <algorithm>
#include <vector>

#include "learn/matrix.h"

namespace sallyport::learn {

class RangeScaling {
 public:
  explicit RangeScaling(const Matrix& reference) : low_(reference.columns()), width_(reference.columns()) {
    for (std::size_t j = 0; j < reference.columns() && reference.rows() > 0; ++j) {
      float low = reference.at(0, j);
      float high = low;
      for (std::size_t i = 1; i < reference.rows(); ++i) {
        low = std::min(low, reference.at(i, j));
        high = std::max(high, reference.at(i, j));
      }
      low_[j] = low;
      width_[j] = high - low;
    }
  }

  // Of the reference's width.
  Matrix apply(Matrix matrix) const {
    constexpr float kBeyond = 0.5F;
    for (std::size_t i = 0; i < matrix.rows(); ++i) {
      const auto row = matrix.row(i);
      for (std::size_t j = 0; j < row.size(); ++j) {
        const float share = width_[j] > 0 ? (row[j] - low_[j]) / width_[j] : 0;
        row[j] = std::clamp(share, -kBeyond, 1 + kBeyond);
      }
    }
    return matrix;
  }

 private:
  std::vector<float> low_;
  std::vector<float> width_;
};

}  // namespace sallyport::learn
