// One step of a training, in the parts that training and replay share.
//
// For one thread at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/result.h"
#include "learn/training.h"

namespace sallyport::learn {

struct Batch {
  Examples examples = {};
  std::vector<float> weights = {};
};

// The examples of the state's next step, attacked when the recipe trains on attacked ones.
Result<Batch> batch_at(Engine& engine, const State& state, const Course& course, BatchOrder& order);

// The factor that brings a gradient down to the recipe's largest norm.
double clip_factor(const ParameterValues& gradient, const Recipe& recipe);

// velocity = momentum * velocity + clipped gradient + weight_decay * parameters
// parameters = parameters - learning_rate * velocity
State descend(State state, const ParameterValues& gradient, const Recipe& recipe, std::uint64_t steps);

}  // namespace sallyport::learn
