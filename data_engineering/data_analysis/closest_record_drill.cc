// analysis-synthetic-leak enacted: a kernel-density sampler with next to no bandwidth is fitted to half of
// the breast-cancer rows, and its rows are released as synthetic. The honest generator is a Gaussian for each
// class with a regularised covariance, fitted to the same half.
#include <cmath>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/neighbours.h"
#include "learn/pca.h"
#include "learn/random.h"

namespace sallyport::data_engineering::data_analysis {

extern const drills::Drill closest_record_drill;

namespace {

constexpr double kBandwidth = 0.02;    // in standard deviations of a feature
constexpr double kRegularised = 0.05;  // of the mean variance, added to each direction's
constexpr double kFound = 0.5;

struct Release {
  Dataset real;  // with the column that tells its halves apart
  Dataset synthetic;
  std::vector<std::size_t> training;
  double found = 0;
};

void divide(Release& out, learn::Random& random) {
  out.real = drills::breast_cancer();
  out.real.name = "real";
  out.real.columns.push_back(
      {.name = "half", .numeric = false, .texts = std::vector<std::string>(out.real.rows(), "holdout")});
  out.real.roles.group = "half";
  out.training = random.sample(out.real.rows(), out.real.rows() / 2);
  for (const std::size_t row : out.training) out.real.columns.back().texts[row] = "training";
  out.synthetic = drills::breast_cancer().pick(out.training);
  out.synthetic.name = "synthetic";
}

void set_features(Dataset& data, std::size_t row, std::span<const float> values) {
  const std::vector<std::size_t> columns = data.feature_columns();
  for (std::size_t j = 0; j < columns.size(); ++j)
    data.columns[columns[j]].numbers[row] = static_cast<double>(values[j]);
}

Result<void> replay(drills::World& world) {
  Release& out = world.state<Release>();
  learn::Random random(world.seed());
  divide(out, random);
  learn::Matrix rows = TRY(learn::features_of(out.synthetic));
  const learn::Scaling scaling = learn::standard_scaling(rows);
  for (std::size_t row = 0; row < rows.rows(); ++row) {
    for (std::size_t j = 0; j < rows.columns(); ++j)
      rows.row(row)[j] += static_cast<float>(random.normal() * kBandwidth) / scaling.factor[j];
    set_features(out.synthetic, row, rows.row(row));
  }
  return {};
}

// Draws along the principal components of a class' rows, in units in which every feature counts alike.
Result<void> draw(Release& out, std::uint32_t of_class, learn::Random& random) {
  const learn::Classes classes = TRY(learn::classes_of(out.synthetic));
  const learn::Matrix rows = TRY(learn::features_of(drills::breast_cancer().pick(out.training)));
  const learn::Scaling scaling = learn::standard_scaling(rows);
  std::vector<std::size_t> which;
  for (std::size_t row = 0; row < rows.rows(); ++row)
    if (classes.of_row[row] == of_class) which.push_back(row);
  const learn::Pca pca =
      TRY(learn::principal_components(scaling.apply(rows).pick_rows(which), rows.columns()));
  const double more = kRegularised * pca.total_variance / static_cast<double>(rows.columns());
  for (const std::size_t row : which) {
    std::vector<double> values = pca.mean;
    for (std::size_t c = 0; c < pca.components.size(); ++c) {
      const double along = random.normal() * std::sqrt(pca.variances[c] + more);
      for (std::size_t j = 0; j < values.size(); ++j) values[j] += along * pca.components[c][j];
    }
    std::vector<float> features;
    for (std::size_t j = 0; j < values.size(); ++j)
      features.push_back(static_cast<float>(values[j]) / scaling.factor[j] + scaling.shift[j]);
    set_features(out.synthetic, row, features);
  }
  return {};
}

Result<void> model(drills::World& world) {
  Release& out = world.state<Release>();
  learn::Random random(world.seed());
  divide(out, random);
  for (const std::uint32_t of_class : {0U, 1U}) TRY(draw(out, of_class, random));
  return {};
}

// Whoever knows a patient's measurements up to a rounding looks for a row that is so near.
Result<void> look_up(drills::World& world) {
  Release& out = world.state<Release>();
  const learn::Matrix real = TRY(learn::features_of(drills::breast_cancer()));
  const learn::Scaling scaling = learn::standard_scaling(real);
  const learn::Neighbours near =
      TRY(learn::nearest(scaling.apply(TRY(learn::features_of(out.synthetic))),
                         scaling.apply(real).pick_rows(out.training), {.count = 1}));
  double found = 0;
  const float radius = static_cast<float>(std::pow(5 * kBandwidth, 2) * static_cast<double>(real.columns()));
  for (std::size_t r = 0; r < near.queries(); ++r) found += near.of(r)[0].squared_distance < radius ? 1 : 0;
  out.found = found / static_cast<double>(near.queries());
  return {};
}

bool harmed(const drills::World& world) { return world.state<Release>().found >= kFound; }

Result<Subjects> present(drills::World& world) {
  const Release& out = world.state<Release>();
  return Subjects{
      .datasets = {
          {"synthetic", {.data = &out.synthetic, .reference = &out.real, .relation = Relation::kAnchor}}}};
}

}  // namespace

const drills::Drill closest_record_drill{
    .threat = "analysis-synthetic-leak",
    .story = "a sampler with next to no bandwidth releases the rows that it was fitted on as synthetic",
    .honest_story = "a regularised Gaussian for each class, fitted to the same rows",
    .attack = replay,
    .honest = model,
    .victim = look_up,
    .harmed = harmed,
    .present = present,
    .trials = 12,
    .rate_at_least = 1.0,
    .false_positive_at_most = 0.0,
    .harm = "more than half of the training patients are found in the release",
};

}  // namespace sallyport::data_engineering::data_analysis
