// Gradient attacks on a classifier, bounded in the largest change of any scaled feature (L-infinity).
//
// FGSM is Goodfellow, Shlens and Szegedy (2015); PGD with random starts is Madry et al. (2018). An example
// counts as broken when any start breaks it. Changed inputs stay within the range that the network states.
// Deterministic from the seed: the noise of an example depends on its row and on nothing else. For one thread
// at a time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/engine.h"
#include "learn/examples.h"

namespace sallyport::learn {

struct Attack {
  double eps = 0.1;      // in scaled units
  int steps = 1;         // gradient steps; 1 without a random start is FGSM
  double step_size = 0;  // 0: eps for one step, 2.5 eps / steps otherwise
  int restarts = 0;      // random starts; 0: one start from the example itself
  std::uint64_t seed = 1;
  // 0: every feature takes the whole step, in the direction of its slope's sign. Otherwise a slope of the
  // example's own loss below this one takes its share of the step, which makes the attacked copy a continuous
  // function of the weights: two engines that round differently then agree, which a replay needs.
  double softness = 0;
};

// The step that an attack takes: its own, or the default.
double step_size_of(const Attack& attack);

// One attacked copy of the inputs, from one start: `restart` numbers it.
Result<Matrix> perturb(Engine& engine, const Model& model, const Examples& examples, const Attack& attack,
                       int restart = 0);

// Which examples are still classified as their label after every start. An example that is wrong to begin
// with is not attacked and counts as broken.
Result<std::vector<bool>> withstands(Engine& engine, const Model& model, const Examples& examples,
                                     const Attack& attack);

}  // namespace sallyport::learn
