#include "learn/shifted.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

constexpr ImageShape kShape{.height = 5, .width = 6, .max_value = 9};

Matrix random_images(Random& random, std::size_t count) {
  Matrix out(count, 30);
  for (float& value : out.values()) value = static_cast<float>(random.below(10));
  return out;
}

// The definition, without early ends and without an order of pixels.
float plain_distance(std::span<const float> query, std::span<const float> image) {
  float best = std::numeric_limits<float>::infinity();
  for (int down = -1; down <= 1; ++down) {
    for (int right = -1; right <= 1; ++right) {
      float largest = 0;
      for (int row = 0; row < 5; ++row) {
        for (int column = 0; column < 6; ++column) {
          const int y = row + down;
          const int x = column + right;
          if (y < 0 || y >= 5 || x < 0 || x >= 6) continue;
          largest = std::max(largest, std::abs(query[static_cast<std::size_t>(row * 6 + column)] -
                                               image[static_cast<std::size_t>(y * 6 + x)]));
        }
      }
      best = std::min(best, largest);
    }
  }
  return best;
}

TEST(shifted, is_the_plain_definition) {
  Random random(1);
  const Matrix images = random_images(random, 40);
  const Matrix queries = random_images(random, 25);
  const std::vector<ClosestImage> closest = ShiftedDistance(kShape, images, 1).closest(queries);
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    float best = std::numeric_limits<float>::infinity();
    std::size_t at = 0;
    for (std::size_t i = 0; i < images.rows(); ++i) {
      const float distance = plain_distance(queries.row(q), images.row(i));
      if (distance < best) best = distance, at = i;
    }
    EXPECT_EQ(closest[q].difference, best);
    EXPECT_EQ(closest[q].row, at);
  }
}

TEST(shifted, leaves_the_row_itself_out) {
  Random random(2);
  const Matrix images = random_images(random, 2);
  const std::vector<std::size_t> rows{0, 1};
  const std::vector<ClosestImage> closest = ShiftedDistance(kShape, images, 1).closest_others(rows);
  EXPECT_EQ(closest[0].row, 1U);
  EXPECT_EQ(closest[1].row, 0U);
  const Matrix one = random_images(random, 1);
  EXPECT_TRUE(
      std::isinf(ShiftedDistance(kShape, one, 1).closest_others(std::vector<std::size_t>{0})[0].difference));
}

}  // namespace
}  // namespace sallyport::learn
