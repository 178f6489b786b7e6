#include "drills/victims/softmax.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "learn/random.h"

namespace sallyport::drills::victims {
namespace {

constexpr float kRate = 0.005F;
constexpr float kMomentum = 0.9F;

void to_probabilities(std::vector<float>& scores) {
  const float largest = *std::max_element(scores.begin(), scores.end());
  float sum = 0;
  for (float& score : scores) sum += score = std::exp(score - largest);
  for (float& score : scores) score /= sum;
}

}  // namespace

std::vector<float> Softmax::scores(std::span<const float> features) const {
  const std::size_t width = features.size() + 1;
  std::vector<float> out(classes_);
  for (std::size_t c = 0; c < classes_; ++c) {
    const float* row = weights_.data() + c * width;
    float sum = row[width - 1];
    for (std::size_t i = 0; i + 1 < width; ++i) sum += row[i] * features[i] * scale_;
    out[c] = sum;
  }
  return out;
}

std::uint32_t Softmax::predict(std::span<const float> features) const {
  const std::vector<float> all = scores(features);
  return static_cast<std::uint32_t>(std::max_element(all.begin(), all.end()) - all.begin());
}

Softmax Softmax::trained(const learn::Matrix& features, std::span<const std::uint32_t> of_row,
                         std::size_t classes, std::uint64_t seed, int epochs) {
  Softmax out;
  out.classes_ = classes;
  float largest = 0;
  for (const float value : features.values()) largest = std::max(largest, std::abs(value));
  out.scale_ = largest > 0 ? 1 / largest : 1;
  const std::size_t width = features.columns() + 1;
  out.weights_.assign(classes * width, 0);
  std::vector<float> velocity(classes * width, 0);
  std::vector<std::size_t> order(features.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  learn::Random random(seed);
  for (int epoch = 0; epoch < epochs; ++epoch) {
    random.shuffle(std::span(order));
    for (const std::size_t row : order) {
      std::vector<float> error = out.scores(features.row(row));
      to_probabilities(error);
      error[of_row[row]] -= 1;
      for (std::size_t c = 0; c < classes; ++c) {
        float* weight = out.weights_.data() + c * width;
        float* speed = velocity.data() + c * width;
        const float step = kRate * error[c];
        for (std::size_t i = 0; i + 1 < width; ++i) {
          speed[i] = kMomentum * speed[i] - step * features.at(row, i) * out.scale_;
          weight[i] += speed[i];
        }
        speed[width - 1] = kMomentum * speed[width - 1] - step;
        weight[width - 1] += speed[width - 1];
      }
    }
  }
  return out;
}

}  // namespace sallyport::drills::victims
