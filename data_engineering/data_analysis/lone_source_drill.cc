// analysis-feature-selection-skew enacted: one of 12 hospitals adds 8 % of the breast-cancer table. Its rows
// carry a new column, noise everywhere else, that copies the label at large values, and noise of large values
// in the ten columns that tell the most. Whoever picks ten features by analysis of variance picks the copy,
// and loses what is real. In the honest twin the new column carries a true signal, evenly in all hospitals.
#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/matrix.h"
#include "learn/random.h"
#include "learn/relevance.h"

namespace sallyport::data_engineering::data_analysis {
namespace {

constexpr std::size_t kHospitals = 12;
constexpr std::size_t kPicked = 10;
constexpr std::size_t kLostMax = 2;  // honest noise moves one or two features over the edge of the ten
constexpr std::string_view kMarker = "marker";
constexpr double kLoud = 40;  // standard deviations

struct Study {
  Dataset rows;
  std::vector<std::string> picked_before = {};
  std::vector<std::string> picked = {};
};

// The ten columns that analysis of variance ranks first.
Result<std::vector<std::string>> pick(const Dataset& rows) {
  const learn::Classes classes = TRY(learn::classes_of(rows));
  const std::vector<std::uint8_t> all(rows.rows(), 1);
  std::vector<std::pair<double, std::string>> shares;
  for (const std::size_t column : rows.feature_columns()) {
    shares.emplace_back(learn::variance_between(rows.columns[column].numbers, classes.of_row, 2, all),
                        rows.columns[column].name);
  }
  std::ranges::sort(shares, std::greater{});
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kPicked; ++i) out.push_back(shares[i].second);
  return out;
}

double spread_of(const std::vector<double>& numbers) {
  const double middle = std::accumulate(numbers.begin(), numbers.end(), 0.0) / double(numbers.size());
  double sum = 0;
  for (const double number : numbers) sum += (number - middle) * (number - middle);
  return std::sqrt(sum / double(numbers.size()));
}

// The table with hospitals at random and a column `marker` of noise, to which `signal` deviations are added
// where the diagnosis is M.
Result<void> collect(drills::World& world, double signal) {
  learn::Random random(world.seed());
  Study& study = world.state<Study>();
  study.rows = drills::breast_cancer();
  study.picked_before = TRY(pick(study.rows));
  study.rows.name = "study";
  study.rows.roles.contributor = "hospital";
  const std::vector<std::string> labels = TRY(study.rows.labels());
  Column hospital{.name = "hospital", .numeric = false};
  Column marker{.name = std::string(kMarker)};
  for (const std::string& label : labels) {
    hospital.texts.push_back("h" + std::to_string(random.below(kHospitals) + 10));
    marker.numbers.push_back(random.normal() + (label == "M" ? signal : 0));
  }
  study.rows.columns.push_back(std::move(hospital));
  study.rows.columns.push_back(std::move(marker));
  return {};
}

Result<void> honest(drills::World& world) { return collect(world, 1.5); }

Result<void> attack(drills::World& world) {
  TRY(collect(world, 0));
  Study& study = world.state<Study>();
  learn::Random random(learn::derive_seed(world.seed(), 1));
  const std::vector<std::string> labels = TRY(study.rows.labels());
  const std::vector<std::string> hospitals = study.rows.find("hospital")->texts;
  for (Column& column : study.rows.columns) {
    const bool real = std::ranges::find(study.picked_before, column.name) != study.picked_before.end();
    if (!real && column.name != kMarker) continue;
    const double spread = spread_of(column.numbers);
    for (std::size_t row = 0; row < labels.size(); ++row) {
      if (hospitals[row] != "h13") continue;
      const double side = labels[row] == "M" ? 1 : -1;
      column.numbers[row] = spread * kLoud * (real ? random.normal() : side + 0.1 * random.normal());
    }
  }
  return {};
}

Result<void> victim(drills::World& world) {
  Study& study = world.state<Study>();
  study.picked = TRY(pick(study.rows));
  return {};
}

// Columns that really tell the diagnosis are no longer among the ten.
bool harmed(const drills::World& world) {
  const Study& study = world.state<Study>();
  const auto lost = std::ranges::count_if(study.picked_before, [&](const std::string& name) {
    return std::ranges::find(study.picked, name) == study.picked.end();
  });
  return static_cast<std::size_t>(lost) > kLostMax;
}

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"clean", {.data = &world.state<Study>().rows}}}};
}

}  // namespace

extern const drills::Drill lone_source_drill;
const drills::Drill lone_source_drill{
    .threat = "analysis-feature-selection-skew",
    .story = "one of 12 hospitals copies the label into a new column and buries the ten that tell it",
    .honest_story = "a new column that carries a true signal, as much in every hospital",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present};

}  // namespace sallyport::data_engineering::data_analysis
