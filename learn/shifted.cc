#include "learn/shifted.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/parallel.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kNone = std::numeric_limits<std::size_t>::max();

std::vector<double> variances(const Matrix& images) {
  std::vector<double> out(images.columns());
  for (std::size_t column = 0; column < images.columns(); ++column) {
    double sum = 0;
    double squares = 0;
    for (std::size_t row = 0; row < images.rows(); ++row) {
      const double value = static_cast<double>(images.at(row, column));
      sum += value;
      squares += value * value;
    }
    const double count = static_cast<double>(images.rows());
    out[column] = squares / count - (sum / count) * (sum / count);
  }
  return out;
}

}  // namespace

ShiftedDistance::ShiftedDistance(const ImageShape& shape, const Matrix& images, int shift_max)
    : images_(images) {
  SP_CHECK(images.rows() > 0);
  SP_CHECK(images.columns() ==
           static_cast<std::size_t>(shape.height) * static_cast<std::size_t>(shape.width));
  const std::vector<double> variance = variances(images);
  const int limit = std::clamp(shift_max, 0, std::min(shape.height, shape.width) - 1);
  for (int down = -limit; down <= limit; ++down) {
    for (int right = -limit; right <= limit; ++right) {
      std::vector<PixelPair> pairs;
      for (int row = std::max(0, -down); row < std::min(shape.height, shape.height - down); ++row) {
        for (int column = std::max(0, -right); column < std::min(shape.width, shape.width - right);
             ++column) {
          pairs.push_back({static_cast<std::uint32_t>(row * shape.width + column),
                           static_cast<std::uint32_t>((row + down) * shape.width + column + right)});
        }
      }
      std::stable_sort(pairs.begin(), pairs.end(), [&](const PixelPair& a, const PixelPair& b) {
        return variance[a.image] > variance[b.image];
      });
      const bool still = down == 0 && right == 0;
      shifts_.insert(still ? shifts_.begin() : shifts_.end(), std::move(pairs));
    }
  }
}

ClosestImage ShiftedDistance::closest_to(std::span<const float> query, std::size_t left_out) const {
  ClosestImage best{.row = 0, .difference = std::numeric_limits<float>::infinity()};
  for (std::size_t row = 0; row < images_.rows(); ++row) {
    if (row == left_out) continue;
    const float* image = images_.row(row).data();
    for (const std::vector<PixelPair>& pairs : shifts_) {
      float largest = 0;
      for (const PixelPair& pair : pairs) {
        largest = std::max(largest, std::abs(query[pair.query] - image[pair.image]));
        if (largest >= best.difference) break;
      }
      if (largest < best.difference) best = {row, largest};
    }
  }
  return best;
}

std::vector<ClosestImage> ShiftedDistance::closest(const Matrix& queries) const {
  std::vector<ClosestImage> out(queries.rows());
  parallel_for(queries.rows(), [&](std::size_t i) { out[i] = closest_to(queries.row(i), kNone); });
  return out;
}

std::vector<ClosestImage> ShiftedDistance::closest_others(std::span<const std::size_t> rows) const {
  std::vector<ClosestImage> out(rows.size());
  parallel_for(rows.size(), [&](std::size_t i) { out[i] = closest_to(images_.row(rows[i]), rows[i]); });
  return out;
}

}  // namespace sallyport::learn
