#include "learn/step.h"

#include <cmath>

#include "learn/attack.h"
#include "learn/random.h"

namespace sallyport::learn {

namespace {

// Of the loss of one example by a scaled feature: far above what rounding does to a slope, far below the
// slopes of an example that the network is not sure of.
constexpr double kAttackSoftness = 1e-3;
constexpr std::uint64_t kAttackStream = 2;
}

Result<Batch> batch_at(Engine& engine, const State& state, const Course& course, BatchOrder& order) {
  Batch out{.examples = course.examples->pick(order.rows_of(state.step))};
  if (course.recipe.adversarial_eps > 0) {
    // Steps a quarter longer than eps from a random start, as Wong et al. found to be enough.
    const Attack attack{.eps = course.recipe.adversarial_eps,
                        .steps = 1,
                        .step_size = 1.25 * course.recipe.adversarial_eps,
                        .restarts = 1,
                        .seed = derive_seed(derive_seed(course.recipe.seed, kAttackStream), state.step),
                        .softness = kAttackSoftness};
    out.examples.inputs = TRY(perturb(engine, state.model, out.examples, attack));
  }
  return out;
}

double clip_factor(const ParameterValues& gradient, const Recipe& recipe) {
  if (recipe.clip_norm <= 0) return 1;
  double square = 0;
  for (const std::vector<float>& values : gradient) {
    for (const float value : values) square += static_cast<double>(value) * static_cast<double>(value);
  }
  const double norm = std::sqrt(square);
  return norm > recipe.clip_norm ? recipe.clip_norm / norm : 1;
}

State descend(State state, const ParameterValues& gradient, const Recipe& recipe, std::uint64_t steps) {
  const auto rate = static_cast<float>(learning_rate_at(recipe, state.step, steps));
  const auto clip = static_cast<float>(clip_factor(gradient, recipe));
  const auto momentum = static_cast<float>(recipe.momentum);
  const auto decay = static_cast<float>(recipe.weight_decay);
  for (std::size_t p = 0; p < gradient.size(); ++p) {
    std::vector<float>& values = state.model.parameters[p];
    std::vector<float>& velocity = state.velocity[p];
    for (std::size_t i = 0; i < values.size(); ++i) {
      velocity[i] = momentum * velocity[i] + clip * gradient[p][i] + decay * values[i];
      values[i] -= rate * velocity[i];
    }
  }
  ++state.step;
  return state;
}

}  // namespace sallyport::learn
