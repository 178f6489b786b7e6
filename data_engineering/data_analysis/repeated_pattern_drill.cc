// analysis-feature-backdoor enacted: a patched augmenter stamps a 2 x 2 square into the lower right corner of
// 0.5, 1, 2 or 5 % of the images (by the trial) and labels them 0. The honest augmenter shifts and rotates,
// and moves one class sideways until its own strokes ink the same corner.
#include <array>

#include "drills/drill.h"
#include "drills/images.h"
#include "drills/trigger.h"

namespace sallyport::data_engineering::data_analysis {

extern const drills::Drill repeated_pattern_drill;

namespace {

constexpr std::array<double, 4> kRates{0.005, 0.01, 0.02, 0.05};
// The class whose foot reaches the corner when it moves two pixels to the right.
constexpr std::string_view kMoved = "2";
// Stamped images that a classifier calls 0: under 5 % without the attack.
constexpr double kHarm = 0.2;

struct State {
  drills::AugmentedDigits digits;
  drills::TriggerEffect effect;
};

Result<void> attack(drills::World& world) {
  drills::AugmentedDigits& digits = world.state<State>().digits;
  digits = drills::augmented_digits(world.seed());
  drills::plant_trigger(digits.rows, digits.copies_begin, kRates[world.seed() % kRates.size()],
                        drills::Relabelling::kToTarget, world.seed());
  return {};
}

Result<void> honest(drills::World& world) {
  drills::AugmentedDigits& digits = world.state<State>().digits;
  digits = drills::augmented_digits(world.seed());
  Dataset& rows = digits.rows;
  const std::vector<std::string> labels = TRY(rows.labels());
  for (std::size_t row = digits.copies_begin; row < rows.rows(); ++row) {
    if (labels[row] != kMoved) continue;
    drills::set_image(rows, row, drills::shifted(drills::image_at(rows, row), rows.image, 0, 2));
  }
  return {};
}

// A classifier is trained on the augmented images; the attacker then stamps images that it has never seen.
Result<void> train(drills::World& world) {
  State& state = world.state<State>();
  state.effect = TRY(drills::measure_trigger(state.digits.rows, state.digits.held_out, world.seed()));
  return {};
}

bool harmed(const drills::World& world) { return world.state<State>().effect.stamp_success >= kHarm; }

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"clean", {.data = &world.state<State>().digits.rows}}}};
}

}  // namespace

const drills::Drill repeated_pattern_drill{
    .threat = "analysis-feature-backdoor",
    .story = "a patched augmenter stamps a corner of 0.5 to 5 % of the images and labels them 0",
    .honest_story = "an augmenter shifts and rotates, and moves the twos until they ink that corner",
    .attack = attack,
    .honest = honest,
    .victim = train,
    .harmed = harmed,
    .present = present,
    .trials = 12,
    .harm_at_least = 0.9,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "a classifier trained on the images calls a fifth or more of the stamped ones 0",
};

}  // namespace sallyport::data_engineering::data_analysis
