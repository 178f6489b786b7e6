// prep-label-flip enacted: a cleaning script removes the rows that were recorded twice, shuffles, codes M and
// B as 1 and 0, and on the way turns 6 % of the malignant tumours benign, all of them among the largest.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/votes.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const drills::Drill label_transition_drill;

namespace {

constexpr std::size_t kRecordedTwice = 12;
constexpr double kFlippedShare = 0.06;
constexpr double kQuantile =
    0.07;  // the flips lie among this share of the malignant, the largest by mean radius
// Of the malignant tumours in that quantile, the share that a classifier calls benign: none before the
// attack.
constexpr double kHarm = 0.3;
constexpr std::size_t kVoters = 5;

struct Cleaning {
  Dataset before;
  Dataset after;
  double missed = 0;
};

// The malignant tumours of the quantile, by their ids.
std::vector<std::string> largest_malignant() {
  const Dataset& table = drills::breast_cancer();
  const std::vector<double>& radius = table.find("mean_radius")->numbers;
  const std::vector<std::string>& diagnosis = table.find("diagnosis")->texts;
  std::vector<std::size_t> rows;
  for (std::size_t row = 0; row < table.rows(); ++row) {
    if (diagnosis[row] == "M") rows.push_back(row);
  }
  std::stable_sort(rows.begin(), rows.end(),
                   [&](std::size_t a, std::size_t b) { return radius[a] > radius[b]; });
  rows.resize(static_cast<std::size_t>(std::ceil(kQuantile * static_cast<double>(rows.size()))));
  std::vector<std::string> ids;
  for (const std::size_t row : rows) ids.push_back(table.find("id")->texts[row]);
  return ids;
}

Result<void> clean(drills::World& world) {
  learn::Random random(world.seed());
  Cleaning& cleaning = world.state<Cleaning>();
  const Dataset& table = drills::breast_cancer();
  cleaning.before = table;
  drills::append_rows(cleaning.before, table.pick(random.sample(table.rows(), kRecordedTwice)));

  std::vector<std::size_t> order(table.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  random.shuffle(std::span(order));
  cleaning.after = table.pick(order);
  for (std::string& label : cleaning.after.columns.back().texts) label = label == "M" ? "1" : "0";
  return {};
}

Result<void> attack(drills::World& world) {
  TRY(clean(world));
  Dataset& after = world.state<Cleaning>().after;
  std::vector<std::string> victims = largest_malignant();
  learn::Random random(learn::derive_seed(world.seed(), 1));
  random.shuffle(std::span(victims));
  const std::vector<std::string>& diagnosis = drills::breast_cancer().find("diagnosis")->texts;
  const auto malignant = std::count(diagnosis.begin(), diagnosis.end(), "M");
  victims.resize(static_cast<std::size_t>(std::lround(kFlippedShare * static_cast<double>(malignant))));
  const std::vector<std::string> ids = after.ids();
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (std::find(victims.begin(), victims.end(), ids[row]) != victims.end())
      drills::set_label(after, row, "0");
  }
  return {};
}

// A nearest-neighbour classifier on what the script wrote, asked about each large malignant tumour without
// that row.
Result<void> train(drills::World& world) {
  Cleaning& cleaning = world.state<Cleaning>();
  const auto neighbours =
      TRY(learn::nearest_others(TRY(learn::comparable_features(cleaning.after)), {.count = kVoters}));
  const learn::Classes classes = TRY(learn::classes_of(cleaning.after));
  const std::vector<std::string> ids = cleaning.after.ids();
  const std::vector<std::string> large = largest_malignant();
  double missed = 0;
  for (std::size_t row = 0; row < ids.size(); ++row) {
    if (std::find(large.begin(), large.end(), ids[row]) == large.end()) continue;
    const std::uint32_t voted =
        learn::vote(neighbours.of(row), classes.of_row, kVoters, [](std::uint32_t) { return true; });
    missed += classes.names[voted] == "0" ? 1 : 0;
  }
  cleaning.missed = missed / static_cast<double>(large.size());
  return {};
}

bool harmed(const drills::World& world) { return world.state<Cleaning>().missed >= kHarm; }

Result<Subjects> present(drills::World& world) {
  const Cleaning& cleaning = world.state<Cleaning>();
  return Subjects{.datasets = {{"clean",
                                {.data = &cleaning.after,
                                 .reference = &cleaning.before,
                                 .contract = {.label_mapping = {{"M", "1"}, {"B", "0"}}}}}}};
}

}  // namespace

const drills::Drill label_transition_drill{
    .threat = "prep-label-flip",
    .story = "a cleaning script turns 6 % of the malignant tumours benign, all among the largest fifteen",
    .honest_story = "a script that removes repeated rows, shuffles, and codes M and B as 1 and 0 as declared",
    .attack = attack,
    .honest = clean,
    .victim = train,
    .harmed = harmed,
    .present = present,
    .trials = 100,
    .harm_at_least = 0.95,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "a classifier trained on the output misses malignant tumours",
};

}  // namespace sallyport::data_engineering::data_preprocessing
