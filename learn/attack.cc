#include "learn/attack.h"

#include <algorithm>

#include "learn/random.h"

namespace sallyport::learn {

namespace {

// Keeps `changed` within eps of the example and within the network's range.
Matrix project(const Network& network, const Matrix& original, float eps, Matrix changed) {
  for (std::size_t j = 0; j < original.columns(); ++j) {
    const std::optional<Range> range = scaled_range(network.input, j);
    for (std::size_t r = 0; r < original.rows(); ++r) {
      const float centre = original.at(r, j);
      float value = std::clamp(changed.at(r, j), centre - eps, centre + eps);
      // An honest value outside the stated range is not pulled back: that would be a larger change than eps.
      if (range)
        value = std::clamp(value, std::min(range->minimum, centre), std::max(range->maximum, centre));
      changed.row(r)[j] = value;
    }
  }
  return changed;
}

// The share of a step that a slope takes, -1 to 1.
float direction(float slope, double softness) {
  if (softness <= 0) return static_cast<float>((slope > 0) - (slope < 0));
  return static_cast<float>(std::clamp(static_cast<double>(slope) / softness, -1.0, 1.0));
}

}  // namespace

double step_size_of(const Attack& attack) {
  if (attack.step_size > 0) return attack.step_size;
  return attack.steps <= 1 ? attack.eps : 2.5 * attack.eps / attack.steps;
}

Result<Matrix> perturb(Engine& engine, const Model& model, const Examples& examples, const Attack& attack,
                       int restart) {
  const auto eps = static_cast<float>(attack.eps);
  const double size = step_size_of(attack);
  Matrix out = examples.inputs;
  if (attack.restarts > 0) {
    const std::uint64_t stream = derive_seed(attack.seed, static_cast<std::uint64_t>(restart));
    for (std::size_t r = 0; r < out.rows(); ++r) {
      Random random(derive_seed(stream, r));
      for (float& value : out.row(r)) value += static_cast<float>((2 * random.uniform() - 1) * attack.eps);
    }
    out = project(model.network, examples.inputs, eps, std::move(out));
  }
  for (int step = 0; step < attack.steps; ++step) {
    const Gradient gradient = TRY(engine.gradient(model, out, examples.labels, {}, Want::kInputs));
    // The engine's loss is the mean over the rows.
    const double softness = attack.softness / static_cast<double>(std::max<std::size_t>(1, out.rows()));
    for (std::size_t i = 0; i < out.values().size(); ++i) {
      out.values()[i] += static_cast<float>(size) * direction(gradient.inputs.values()[i], softness);
    }
    out = project(model.network, examples.inputs, eps, std::move(out));
  }
  return out;
}

Result<std::vector<bool>> withstands(Engine& engine, const Model& model, const Examples& examples,
                                     const Attack& attack) {
  const std::vector<std::uint32_t> before = argmax(TRY(engine.logits(model, examples.inputs)));
  std::vector<bool> out(examples.rows());
  for (std::size_t r = 0; r < examples.rows(); ++r) out[r] = before[r] == examples.labels[r];
  for (int restart = 0; restart < std::max(1, attack.restarts); ++restart) {
    const Matrix attacked = TRY(perturb(engine, model, examples, attack, restart));
    const std::vector<std::uint32_t> after = argmax(TRY(engine.logits(model, attacked)));
    for (std::size_t r = 0; r < examples.rows(); ++r) out[r] = out[r] && after[r] == examples.labels[r];
  }
  return out;
}

}  // namespace sallyport::learn
