// A small classifier for drills to harm: multinomial logistic regression on pixels or other features.
//
// Stochastic gradient descent with momentum in a seeded order: the same rows and seed give the same weights
// on every host. Values; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "learn/matrix.h"

namespace sallyport::drills::victims {

class Softmax {
 public:
  // of_row.size() == features.rows(); every class is below `classes`.
  static Softmax trained(const learn::Matrix& features, std::span<const std::uint32_t> of_row,
                         std::size_t classes, std::uint64_t seed, int epochs = 40);

  std::uint32_t predict(std::span<const float> features) const;

 private:
  std::vector<float> scores(std::span<const float> features) const;

  std::size_t classes_ = 0;
  float scale_ = 1;             // features are multiplied by it
  std::vector<float> weights_;  // one row a class, its bias last
};

}  // namespace sallyport::drills::victims
