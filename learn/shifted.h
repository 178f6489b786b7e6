// The closest image of a set, in any small shift, by the largest difference of any pixel (Chebyshev
// distance).
//
// Pixels that a shift pushes over the border are left out of the comparison. Exact: every pair is compared,
// and a comparison is given up at the first pixel that cannot improve on the best so far, most varied pixels
// first, so that a pair of different images costs a few pixels. Constant after construction; safe from any
// thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/dataset.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct ClosestImage {
  std::size_t row = 0;   // of the images; the first of equally close ones
  float difference = 0;  // in levels
};

class ShiftedDistance {
 public:
  // `images` has shape.height * shape.width columns and at least one row, and outlives this.
  ShiftedDistance(const ImageShape& shape, const Matrix& images, int shift_max);

  // One for each query row.
  std::vector<ClosestImage> closest(const Matrix& queries) const;
  // Each of these rows of the images against the others; with a single image its difference is infinite.
  std::vector<ClosestImage> closest_others(std::span<const std::size_t> rows) const;

 private:
  struct PixelPair {
    std::uint32_t query;
    std::uint32_t image;
  };
  ClosestImage closest_to(std::span<const float> query, std::size_t left_out) const;

  const Matrix& images_;
  std::vector<std::vector<PixelPair>> shifts_;  // no shift first
};

}  // namespace sallyport::learn
