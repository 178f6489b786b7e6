// Finds synthetic rows that are real people: rows nearer to the records that the generator was fitted on than
// they could be without having seen them.
//
// The reference is the real table with a column (the group) that tells the half that trained the generator,
// `training`, from one that it never saw, `holdout`. A generator that learned the population is as near to
// either: its rows are closest to a training record as often as the half is large (binomial test). A copy is
// nearer to its record than people are to one another: nearer than `copy_quantile` of the distances from the
// holdout to the training half, and by `ratio_max` nearer than to the second closest record. Features are in
// standard deviations of the reference. Closest-record and distance-ratio tests are those of Zhao et al.,
// "CTAB-GAN" (2021).
//
// Missed: copies that were moved as far as people differ, and people copied from outside of the reference.
#include <algorithm>
#include <cmath>

#include "core/guard.h"
#include "core/limits.h"
#include "learn/neighbours.h"
#include "learn/row_digest.h"
#include "learn/statistics.h"
#include "learn/two_sided.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard closest_record;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.001, "probability of a finding about a generator that favours nobody"},
    {"advantage_max", 0.1,
     "by which the share of rows closest to a training record may exceed that half's size"},
    {"copy_quantile", 0.01,
     "of the distances between the halves, below which a row is nearer than people are"},
    {"ratio_max", 0.5, "distance to the closest record over that to the second closest, of a copy"},
    {"copies_max", 0.05, "share of rows that may be copies"},
    {"rows_max", 20'000, "rows of each side that are judged; more are sampled by row number"},
    learn::kSampleSeed,
};

constexpr std::string_view kTraining = "training";
constexpr std::string_view kHoldout = "holdout";

struct Halves {
  std::vector<std::size_t> training;
  std::vector<std::size_t> holdout;
};

Result<Halves> halves_of(const Dataset& reference) {
  const Column* group = reference.find(reference.roles.group);
  if (group == nullptr) {
    return invalid("data set " + reference.name + ": no group column that tells training from holdout");
  }
  const std::vector<std::string> texts = learn::cell_texts(group);
  Halves out;
  for (std::size_t row = 0; row < texts.size(); ++row) {
    if (texts[row] == kTraining) out.training.push_back(row);
    if (texts[row] == kHoldout) out.holdout.push_back(row);
  }
  if (out.training.size() < 2 || out.holdout.size() < 2) {
    return invalid("data set " + reference.name + ": fewer than two rows of 'training' or of 'holdout'");
  }
  return out;
}

double distance(const learn::Neighbour& neighbour) {
  return std::sqrt(static_cast<double>(neighbour.squared_distance));
}

// What a row of the release has to do with the records.
struct Proximity {
  double training = 0;  // distance to the closest of them
  double second = 0;    // to the one after it
  double holdout = 0;
};

Result<std::vector<Proximity>> proximities(const learn::Matrix& rows, const learn::Matrix& training,
                                           const learn::Matrix& holdout) {
  const learn::Neighbours near = TRY(learn::nearest(training, rows, {.count = 2}));
  const learn::Neighbours far = TRY(learn::nearest(holdout, rows, {.count = 1}));
  std::vector<Proximity> out;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    out.push_back({.training = distance(near.of(r)[0]),
                   .second = distance(near.of(r)[1]),
                   .holdout = distance(far.of(r)[0])});
  }
  return out;
}

void judge_advantage(const learn::TwoSided& sides, const std::vector<Proximity>& rows, double share,
                     const Parameters& parameters, Examination& out) {
  std::uint64_t nearer = 0;
  for (const Proximity& row : rows) nearer += row.training < row.holdout ? 1 : 0;
  const double limit = std::min(share + parameters.get("advantage_max"), 0.999);
  const learn::Interval interval = learn::wilson(nearer, rows.size());
  const double measured = static_cast<double>(nearer) / static_cast<double>(rows.size());
  out.statistics.push_back({.name = "rows closest to a training record",
                            .value = measured,
                            .low = interval.low,
                            .high = interval.high,
                            .sample_size = rows.size(),
                            .power = learn::binomial_power(rows.size(), limit, std::min(limit + 0.1, 1.0),
                                                           parameters.get("alpha")),
                            .effect = "a share 0.1 above what is allowed",
                            .false_positive_rate = parameters.get("alpha")});
  if (learn::binomial_upper_tail(nearer, rows.size(), limit) > parameters.get("alpha")) return;
  out.findings.push_back(
      {.severity = Severity::kHigh,
       .where = {.path = sides.data.rows.name},
       .message = std::to_string(nearer) + " of " + std::to_string(rows.size()) +
                  " rows are closer to a record that trained the generator than to any other",
       .remedy = "fit the generator again, with a privacy budget or less capacity"});
}

void judge_copies(const learn::TwoSided& sides, const std::vector<Proximity>& rows, double near,
                  const Parameters& parameters, Examination& out) {
  std::vector<std::size_t> copies;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const bool is_nearer =
        rows[r].training < near && rows[r].training < parameters.get("ratio_max") * rows[r].second;
    if (rows[r].training == 0 || is_nearer) copies.push_back(r);
  }
  const learn::Interval interval = learn::wilson(copies.size(), rows.size());
  const double share = static_cast<double>(copies.size()) / static_cast<double>(rows.size());
  out.statistics.push_back({.name = "copies of a training record",
                            .value = share,
                            .low = interval.low,
                            .high = interval.high,
                            .sample_size = rows.size()});
  if (share <= parameters.get("copies_max")) return;
  out.findings.push_back({.severity = Severity::kCritical,
                          .where = {.path = sides.data.rows.name},
                          .message = std::to_string(copies.size()) + " of " + std::to_string(rows.size()) +
                                     " rows are nearer to a training record than people are to one another",
                          .remedy = "leave these rows out, and fit the generator again"});
  for (const std::size_t r : copies) {
    if (out.findings.size() >= limits::kFindingsPerGuardMax) return;
    out.findings.push_back({.severity = Severity::kMedium,
                            .where = {.path = sides.data.rows.name, .row = sides.data.numbers[r]},
                            .message = "copies a training record"});
  }
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::TwoSided sides =
      TRY(learn::settled_sides(summary, "the real table, its rows told apart as training and holdout"));
  const Halves halves = TRY(halves_of(sides.reference.rows));
  const learn::Matrix raw = TRY(learn::features_of(sides.reference.rows, learn::Missing::kMedian));
  const learn::Matrix released = TRY(learn::features_of(sides.data.rows, learn::Missing::kMedian));
  if (raw.columns() != released.columns() || released.rows() == 0) {
    return invalid("data set " + sides.data.rows.name + ": its features are not those of the reference");
  }
  const learn::Scaling scaling = learn::standard_scaling(raw);
  const learn::Matrix real = scaling.apply(raw);
  const learn::Matrix training = real.pick_rows(halves.training);
  const learn::Matrix holdout = real.pick_rows(halves.holdout);
  const std::vector<Proximity> rows = TRY(proximities(scaling.apply(released), training, holdout));
  std::vector<double> between;
  const learn::Neighbours honest = TRY(learn::nearest(training, holdout, {.count = 1}));
  for (std::size_t r = 0; r < honest.queries(); ++r) between.push_back(distance(honest.of(r)[0]));
  const double share = static_cast<double>(halves.training.size()) /
                       static_cast<double>(halves.training.size() + halves.holdout.size());
  Examination out;
  judge_advantage(sides, rows, share, parameters, out);
  judge_copies(sides, rows, learn::quantile(between, parameters.get("copy_quantile")), parameters, out);
  return out;
}

}  // namespace

const Guard closest_record{
    .id = "closest_record",
    .threats = {"analysis-synthetic-leak"},
    .summary = "synthetic rows that repeat the people whom the generator saw",
    .looks_for =
        "rows nearer to training records than to unseen ones, and rows nearer to one than people are",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sides,
                .merge = learn::merge_sides,
                .judge = judge,
                .relation = Relation::kAnchor},
};

}  // namespace sallyport::data_engineering::data_analysis
