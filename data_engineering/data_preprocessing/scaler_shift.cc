// Finds rows that were put there to stretch a scale: means and spreads that left the range in which honest
// samples of the reference vary.
//
// The reference is the split that a signed scaler was fitted on. For each feature the mean and the standard
// deviation of the data are held against a bootstrap of the reference: resamples of the size of the data give
// the error of each, and the largest studentised error of any of them gives one threshold for all features
// together (Efron and Tibshirani 1993, ch. 12; Romano and Wolf 2005), so the probability of any false finding
// is about `alpha`. A feature that left the range names its rows farthest from the median in units of the
// median absolute deviation, which a few rows cannot stretch: the scaler to fit instead.
//
// Missed: a shift within what honest samples do, and one of the median.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/guard.h"
#include "learn/matrix.h"
#include "learn/random.h"
#include "learn/statistics.h"
#include "learn/two_sided.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const Guard scaler_shift;

namespace {

constexpr Parameter kParameters[] = {
    {"alpha", 0.001, "probability of a finding in an honest sample, over all features together"},
    {"resamples", 400, "of the reference"},
    {"margin", 1.25, "times the threshold; the bootstrap of heavy tails is a little too short"},
    {"named_rows", 5, "farthest rows that are named for a feature"},
    learn::kRowsMax,
    learn::kSampleSeed,
};

constexpr std::size_t kHeldOut = 400;  // resamples that measure the rates
constexpr double kFar = 20;            // deviations, of the rows that measure the power

struct Moments {
  std::vector<double> mean;
  std::vector<double> deviation;  // as a logarithm, in which its errors are alike on both sides
};

Moments moments_of(const learn::Matrix& rows, const std::vector<std::size_t>& which) {
  const std::size_t d = rows.columns();
  std::vector<double> sum(d);
  std::vector<double> squares(d);
  for (const std::size_t row : which) {
    for (std::size_t j = 0; j < d; ++j) {
      const double value = static_cast<double>(rows.at(row, j));
      sum[j] += value;
      squares[j] += value * value;
    }
  }
  const double n = static_cast<double>(which.size());
  Moments out;
  for (std::size_t j = 0; j < d; ++j) {
    const double mean = sum[j] / n;
    out.mean.push_back(mean);
    out.deviation.push_back(0.5 * std::log(std::max(squares[j] / n - mean * mean, 1e-24)));
  }
  return out;
}

std::vector<std::size_t> all_rows(const learn::Matrix& rows) {
  std::vector<std::size_t> out(rows.rows());
  std::iota(out.begin(), out.end(), std::size_t{0});
  return out;
}

// One number for each mean, then one for each spread.
std::vector<double> errors_of(const Moments& sample, const Moments& reference) {
  std::vector<double> out;
  for (std::size_t j = 0; j < reference.mean.size(); ++j) out.push_back(sample.mean[j] - reference.mean[j]);
  for (std::size_t j = 0; j < reference.mean.size(); ++j)
    out.push_back(sample.deviation[j] - reference.deviation[j]);
  return out;
}

struct Bootstrap {
  std::vector<double> scale;  // of each error
  double threshold = 0;       // of the largest error in units of its scale
};

Bootstrap bootstrap(const learn::Matrix& reference, std::size_t rows, const Parameters& parameters) {
  const Moments truth = moments_of(reference, all_rows(reference));
  const auto resamples = static_cast<std::size_t>(std::clamp(parameters.get("resamples"), 50.0, 10'000.0));
  learn::Random random(0xb007);
  std::vector<std::vector<double>> errors;
  std::vector<std::size_t> which(rows);
  for (std::size_t i = 0; i < resamples; ++i) {
    for (std::size_t& row : which) row = random.below(reference.rows());
    errors.push_back(errors_of(moments_of(reference, which), truth));
  }
  Bootstrap out{.scale = std::vector<double>(errors.front().size())};
  for (std::size_t k = 0; k < out.scale.size(); ++k) {
    for (const std::vector<double>& one : errors) out.scale[k] += one[k] * one[k];
    out.scale[k] = std::sqrt(out.scale[k] / static_cast<double>(resamples));
  }
  std::vector<double> largest;
  for (const std::vector<double>& one : errors) {
    double most = 0;
    for (std::size_t k = 0; k < one.size(); ++k)
      if (out.scale[k] > 0) most = std::max(most, std::abs(one[k]) / out.scale[k]);
    largest.push_back(most);
  }
  out.threshold = learn::quantile(largest, 1 - parameters.get("alpha")) * parameters.get("margin");
  return out;
}

// Resamples that the threshold never saw: how often one of them is taken for shifted, and how often one is in
// which a few rows were moved far out along one feature.
struct HeldOut {
  double false_positives = 0;
  double power = 0;
  std::size_t moved = 0;  // rows
};

HeldOut hold_out(const learn::Matrix& reference, std::size_t rows, const Bootstrap& honest) {
  const Moments truth = moments_of(reference, all_rows(reference));
  learn::Random random(0xb008);
  HeldOut out{.moved = std::max<std::size_t>(2, rows / 200)};
  std::vector<std::size_t> which(rows);
  const std::size_t d = reference.columns();
  const auto beyond = [&](double error, std::size_t k) {
    return honest.scale[k] > 0 && std::abs(error) > honest.threshold * honest.scale[k];
  };
  for (std::size_t i = 0; i < kHeldOut; ++i) {
    for (std::size_t& row : which) row = random.below(reference.rows());
    const std::vector<double> errors = errors_of(moments_of(reference, which), truth);
    bool any = false;
    for (std::size_t k = 0; k < errors.size(); ++k) any = any || beyond(errors[k], k);
    out.false_positives += any ? 1.0 / kHeldOut : 0;
    const std::size_t feature = random.below(d);
    learn::Matrix one(rows, 1);
    for (std::size_t r = 0; r < rows; ++r) one.row(r)[0] = reference.at(which[r], feature);
    const double far = truth.mean[feature] + kFar * std::exp(truth.deviation[feature]);
    for (std::size_t r = 0; r < std::min(out.moved, rows); ++r) one.row(r)[0] = static_cast<float>(far);
    const Moments moved = moments_of(one, all_rows(one));
    const bool caught = beyond(moved.mean[0] - truth.mean[feature], feature) ||
                        beyond(moved.deviation[0] - truth.deviation[feature], d + feature);
    out.power += caught ? 1.0 / kHeldOut : 0;
  }
  return out;
}

std::string figure(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3g", value);
  return text;
}

// Rows by their distance from the median in units of the MAD, the farthest first.
void name_rows(const learn::TwoSided& sides, const learn::Matrix& data, std::size_t feature,
               const std::string& name, std::size_t count, std::vector<Finding>& findings) {
  std::vector<double> values;
  for (std::size_t row = 0; row < data.rows(); ++row)
    values.push_back(static_cast<double>(data.at(row, feature)));
  const double middle = learn::median(values);
  const double spread = std::max(learn::median_absolute_deviation(values), 1e-12);
  std::vector<std::size_t> order = all_rows(data);
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t row) { return std::abs(values[row] - middle); });
  for (std::size_t i = 0; i < std::min(count, order.size()); ++i) {
    findings.push_back(
        {.severity = Severity::kMedium,
         .confidence = Confidence::kMedium,
         .where = {.path = sides.data.rows.name, .row = sides.data.numbers[order[i]], .column = name},
         .message = "stretches the scale: " + figure(std::abs(values[order[i]] - middle) / spread) +
                    " robust deviations from the median"});
  }
}

Result<Examination> judge(const std::any& summary, const Contract&, const Parameters& parameters) {
  const learn::TwoSided sides =
      TRY(learn::settled_sides(summary, "the split that the signed scaler was fitted on"));
  const learn::Matrix data = TRY(learn::features_of(sides.data.rows, learn::Missing::kMedian));
  const learn::Matrix reference = TRY(learn::features_of(sides.reference.rows, learn::Missing::kMedian));
  if (data.columns() != reference.columns() || data.rows() < 2 || reference.rows() < 2) {
    return invalid("data set " + sides.data.rows.name + ": the reference has other features");
  }
  const Moments before = moments_of(reference, all_rows(reference));
  const Moments now = moments_of(data, all_rows(data));
  const Bootstrap honest = bootstrap(reference, data.rows(), parameters);
  const std::vector<double> errors = errors_of(now, before);
  const std::vector<std::size_t> columns = sides.data.rows.feature_columns();
  Examination out;
  double worst = 0;
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const auto score = [&](std::size_t k) {
      return honest.scale[k] > 0 ? std::abs(errors[k]) / honest.scale[k] : 0;
    };
    const double largest = std::max(score(j), score(columns.size() + j));
    worst = std::max(worst, largest);
    if (largest <= honest.threshold) continue;
    const std::string& name = sides.data.rows.columns[columns[j]].name;
    out.findings.push_back(
        {.severity = Severity::kHigh,
         .where = {.path = sides.data.rows.name, .column = name},
         .message = "mean " + figure(before.mean[j]) + " became " + figure(now.mean[j]) + " and deviation " +
                    figure(std::exp(before.deviation[j])) + " became " + figure(std::exp(now.deviation[j])) +
                    ": beyond what honest samples do, by " + figure(largest / honest.threshold) + " times",
         .remedy = "leave out the rows that stretch it, or scale by median and median absolute deviation"});
    name_rows(sides, data, j, name, static_cast<std::size_t>(parameters.get("named_rows")), out.findings);
  }
  const HeldOut measured = hold_out(reference, data.rows(), honest);
  out.statistics.push_back({.name = "largest shift of a mean or spread, in thresholds",
                            .value = honest.threshold > 0 ? worst / honest.threshold : 0,
                            .sample_size = data.rows(),
                            .power = measured.power,
                            .effect = std::to_string(measured.moved) + " rows " + figure(kFar) +
                                      " deviations out along one feature, in " + std::to_string(kHeldOut) +
                                      " resamples that the threshold never saw",
                            .false_positive_rate = measured.false_positives});
  return out;
}

}  // namespace

const Guard scaler_shift{
    .id = "scaler_shift",
    .threats = {"prep-scaler-skew"},
    .summary = "a mean or spread that a few extreme rows have moved",
    .looks_for = "features whose mean or standard deviation left the bootstrap range of the signed reference",
    .parameters = kParameters,
    .dataset = {.summarise = learn::summarise_sides,
                .merge = learn::merge_sides,
                .judge = judge,
                .relation = Relation::kAnchor},
};

}  // namespace sallyport::data_engineering::data_preprocessing
