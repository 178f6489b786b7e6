// split-class-skew enacted: after the rows were assigned, 40 % of the malignant ones leave the training
// split. Honest are a random stratified split, one by a keyed hash, and a declared recipe that repeats
// malignant rows.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/split.h"
#include "learn/votes.h"

namespace sallyport::data_engineering::data_preparation {

extern const drills::Drill class_skew_drill;

namespace {

enum class Kind : std::uint8_t { kStratified, kKeyed };
constexpr double kTestShare = 0.4;
constexpr double kWithheld = 0.4;
constexpr std::size_t kVoters = 25;
// By which the share of malignant test rows that are recognised falls.
constexpr double kHarm = 0.02;

struct Split {
  Dataset whole;
  Dataset fair;  // the training split as it was assigned
  Dataset train;
  Dataset test;
  Contract contract;
  double recall_fair = 0;
  double recall = 0;
};

std::vector<bool> stratified(const std::vector<std::string>& labels, learn::Random& random) {
  std::vector<bool> test(labels.size());
  for (const char* label : {"M", "B"}) {
    std::vector<std::size_t> rows;
    for (std::size_t row = 0; row < labels.size(); ++row) {
      if (labels[row] == label) rows.push_back(row);
    }
    random.shuffle(std::span(rows));
    rows.resize(static_cast<std::size_t>(kTestShare * static_cast<double>(rows.size())));
    for (const std::size_t row : rows) test[row] = true;
  }
  return test;
}

Result<void> assign(drills::World& world) {
  learn::Random random(world.seed());
  Split& split = world.state<Split>();
  split.whole = drills::breast_cancer();
  const std::vector<std::string> labels = TRY(split.whole.labels());
  std::vector<bool> test = stratified(labels, random);
  if (world.seed() % 2 == static_cast<std::uint64_t>(Kind::kKeyed)) {
    split.contract.split =
        SplitRule{.key = sha256("drill " + std::to_string(world.seed())), .test_share = kTestShare};
    const std::vector<std::string> units = learn::split_units(split.whole);
    for (std::size_t row = 0; row < units.size(); ++row)
      test[row] = learn::falls_in_test(*split.contract.split, units[row]);
  }
  std::vector<std::size_t> sides[2];
  for (std::size_t row = 0; row < labels.size(); ++row) sides[test[row] ? 1 : 0].push_back(row);
  split.fair = split.train = split.whole.pick(sides[0]);
  split.test = split.whole.pick(sides[1]);
  return {};
}

std::vector<std::size_t> rows_of_class(const Dataset& data, bool malignant) {
  std::vector<std::size_t> out;
  const std::vector<std::string>& labels = data.find("diagnosis")->texts;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if ((labels[row] == "M") == malignant) out.push_back(row);
  }
  return out;
}

Result<void> attack(drills::World& world) {
  TRY(assign(world));
  Split& split = world.state<Split>();
  learn::Random random(learn::derive_seed(world.seed(), 1));
  std::vector<std::size_t> malignant = rows_of_class(split.fair, true);
  random.shuffle(std::span(malignant));
  malignant.resize(malignant.size() -
                   static_cast<std::size_t>(kWithheld * static_cast<double>(malignant.size())));
  std::vector<std::size_t> kept = rows_of_class(split.fair, false);
  kept.insert(kept.end(), malignant.begin(), malignant.end());
  std::sort(kept.begin(), kept.end());
  split.train = split.fair.pick(kept);
  return {};
}

// Every other pair of trials declares that it repeats each malignant row once more.
Result<void> honest(drills::World& world) {
  TRY(assign(world));
  Split& split = world.state<Split>();
  if (world.seed() / 2 % 2 == 0) return {};
  split.contract.may_add_rows = true;
  drills::append_rows(split.train, split.fair.pick(rows_of_class(split.fair, true)));
  return {};
}

Result<double> malignant_recall(const Dataset& train, const Dataset& test) {
  Dataset both = train;
  drills::append_rows(both, test);
  const learn::Matrix features = TRY(learn::comparable_features(both));
  std::vector<std::size_t> order(both.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const std::span<const std::size_t> rows = order;
  const auto neighbours =
      TRY(learn::nearest(features.pick_rows(rows.first(train.rows())),
                         features.pick_rows(rows.subspan(train.rows())), {.count = kVoters}));
  const learn::Classes classes = TRY(learn::classes_of(train));
  double right = 0;
  const std::vector<std::size_t> malignant = rows_of_class(test, true);
  for (const std::size_t row : malignant) {
    const std::uint32_t voted =
        learn::vote(neighbours.of(row), classes.of_row, kVoters, [](std::uint32_t) { return true; });
    right += classes.names[voted] == "M" ? 1 : 0;
  }
  return right / static_cast<double>(malignant.size());
}

Result<void> train(drills::World& world) {
  Split& split = world.state<Split>();
  split.recall_fair = TRY(malignant_recall(split.fair, split.test));
  split.recall = TRY(malignant_recall(split.train, split.test));
  return {};
}

bool harmed(const drills::World& world) {
  const Split& split = world.state<Split>();
  return split.recall <= split.recall_fair - kHarm;
}

Result<Subjects> present(drills::World& world) {
  const Split& split = world.state<Split>();
  return Subjects{.datasets = {{"train",
                                {.data = &split.train,
                                 .reference = &split.whole,
                                 .relation = Relation::kWhole,
                                 .contract = split.contract}}}};
}

}  // namespace

const drills::Drill class_skew_drill{
    .threat = "split-class-skew",
    .story = "after the split, 40 % of the malignant rows are taken out of training",
    .honest_story = "a stratified split, one by a keyed hash, and a declared repetition of malignant rows",
    .attack = attack,
    .honest = honest,
    .victim = train,
    .harmed = harmed,
    .present = present,
    .trials = 40,
    .harm_at_least = 0.8,
    .rate_at_least = 0.95,
    .false_positive_at_most = 0.0,
};

}  // namespace sallyport::data_engineering::data_preparation
