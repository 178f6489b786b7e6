// prep-scaler-skew enacted: 0.5 % extreme rows join the breast-cancer training split, after which a planted
// anomaly lies within three standard deviations. The honest split is a bootstrap resample of the genuine one,
// its natural outliers included.
#include <cmath>

#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const drills::Drill scaler_shift_drill;

namespace {

constexpr double kInjected = 0.005;
// The attacker's rows, and later his anomaly, in standard deviations of the genuine split.
constexpr double kExtreme = 60;
constexpr double kAnomaly = 6;
constexpr double kOrdinary = 3;

struct Fit {
  Dataset split;
  std::string feature;
  double anomaly = 0;
  double z = 0;  // of the anomaly under the fitted scale
};

Result<void> resample(drills::World& world) {
  Fit& fit = world.state<Fit>();
  learn::Random random(world.seed());
  const Dataset& genuine = drills::breast_cancer();
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < genuine.rows(); ++i) rows.push_back(random.below(genuine.rows()));
  fit.split = genuine.pick(rows);
  const std::vector<std::size_t> features = genuine.feature_columns();
  const Column& column = genuine.columns[features[random.below(features.size())]];
  fit.feature = column.name;
  fit.anomaly = learn::mean(column.numbers) + kAnomaly * std::sqrt(learn::variance(column.numbers));
  return {};
}

Result<void> inject(drills::World& world) {
  TRY(resample(world));
  Fit& fit = world.state<Fit>();
  const Column& genuine = *drills::breast_cancer().find(fit.feature);
  const auto count = static_cast<std::size_t>(std::ceil(kInjected * static_cast<double>(fit.split.rows())));
  Dataset extreme = fit.split.pick(std::vector<std::size_t>(count, 0));
  for (Column& column : extreme.columns) {
    if (column.name != fit.feature) continue;
    for (double& value : column.numbers)
      value = learn::mean(genuine.numbers) + kExtreme * std::sqrt(learn::variance(genuine.numbers));
  }
  drills::append_rows(fit.split, extreme);
  return {};
}

Result<void> scale(drills::World& world) {
  Fit& fit = world.state<Fit>();
  const Column& column = *fit.split.find(fit.feature);
  fit.z = (fit.anomaly - learn::mean(column.numbers)) / std::sqrt(learn::variance(column.numbers));
  return {};
}

bool harmed(const drills::World& world) { return world.state<Fit>().z < kOrdinary; }

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"clean",
                                {.data = &world.state<Fit>().split,
                                 .reference = &drills::breast_cancer(),
                                 .relation = Relation::kAnchor}}}};
}

}  // namespace

const drills::Drill scaler_shift_drill{
    .threat = "prep-scaler-skew",
    .story = "0.5 % extreme rows stretch the scale of a feature until an anomaly looks ordinary",
    .honest_story = "a bootstrap resample of the genuine split, with its natural outliers",
    .attack = inject,
    .honest = resample,
    .victim = scale,
    .harmed = harmed,
    .present = present,
    .trials = 40,
    .harm_at_least = 0.95,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.05,
    .harm = "a value six deviations out lies within three of the new scale",
};

}  // namespace sallyport::data_engineering::data_preprocessing
