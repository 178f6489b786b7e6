#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <set>

#include "core/guard.h"
#include "drills/images.h"
#include "drills/trigger.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard repeated_pattern;

namespace {

constexpr std::uint64_t kSeeds = 3;

std::set<std::size_t> rows_found(const Examination& examination) {
  std::set<std::size_t> out;
  for (const Finding& finding : examination.findings) {
    if (finding.where.row) out.insert(*finding.where.row);
  }
  return out;
}

std::set<std::size_t> search(const Dataset& data) {
  const auto examination =
      run_fold(repeated_pattern.dataset, {.data = &data}, Parameters(repeated_pattern.parameters));
  EXPECT_TRUE(examination.has_value());
  return examination ? rows_found(*examination) : std::set<std::size_t>{};
}

struct Trial {
  std::size_t planted = 0;
  std::size_t found = 0;  // of the planted
  std::size_t wrong = 0;  // found, but not planted
  std::size_t clean = 0;
  double success_before = 0;
  double success_after = 0;
  double accuracy_before = 0;
  double accuracy_after = 0;
};

// Plants, searches, removes what was found and trains again.
Trial try_rate(double rate, drills::Relabelling relabelling) {
  Trial sum;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    drills::AugmentedDigits digits = drills::augmented_digits(seed);
    const std::vector<std::size_t> planted =
        drills::plant_trigger(digits.rows, digits.copies_begin, rate, relabelling, seed);
    const std::set<std::size_t> found = search(digits.rows);
    const auto hit = static_cast<std::size_t>(
        std::count_if(planted.begin(), planted.end(), [&](std::size_t row) { return found.contains(row); }));
    sum.planted += planted.size();
    sum.found += hit;
    sum.wrong += found.size() - hit;
    sum.clean += digits.rows.rows() - planted.size();
    std::vector<std::size_t> kept;
    for (std::size_t row = 0; row < digits.rows.rows(); ++row) {
      if (!found.contains(row)) kept.push_back(row);
    }
    const auto before = drills::measure_trigger(digits.rows, digits.held_out, seed);
    const auto after = drills::measure_trigger(digits.rows.pick(kept), digits.held_out, seed);
    EXPECT_TRUE(before && after);
    sum.success_before += before->stamp_success / kSeeds;
    sum.success_after += after->stamp_success / kSeeds;
    sum.accuracy_before += before->accuracy / kSeeds;
    sum.accuracy_after += after->accuracy / kSeeds;
  }
  return sum;
}

void print(const char* what, double rate, const Trial& trial) {
  const learn::Interval tpr = learn::clopper_pearson(trial.found, trial.planted);
  std::printf(
      "  %s %.1f %%: rows found %zu of %zu [%.3f, %.3f], wrongly %zu of %zu; stamp works %.2f -> %.2f, "
      "accuracy %.3f -> %.3f\n",
      what, 100 * rate, trial.found, trial.planted, tpr.low, tpr.high, trial.wrong, trial.clean,
      trial.success_before, trial.success_after, trial.accuracy_before, trial.accuracy_after);
}

TEST(repeated_pattern, finds_and_disarms_a_corner_stamp_at_every_rate) {
  for (const double rate : {0.005, 0.01, 0.02, 0.05}) {
    const Trial trial = try_rate(rate, drills::Relabelling::kToTarget);
    print("relabelled stamp", rate, trial);
    EXPECT_GE(static_cast<double>(trial.found), 0.95 * static_cast<double>(trial.planted));
    EXPECT_LE(static_cast<double>(trial.wrong), 0.01 * static_cast<double>(trial.clean));
    EXPECT_GT(trial.success_before, 0.2);
    EXPECT_LT(trial.success_after, 0.05);
    EXPECT_GT(trial.accuracy_after, trial.accuracy_before - 0.01);
  }
}

// The limit that the guard's summary states, measured, so that nobody takes its silence for more than it is.
TEST(repeated_pattern, misses_a_stamp_on_rows_of_the_right_label) {
  const Trial trial = try_rate(0.02, drills::Relabelling::kCleanLabel);
  print("clean-label stamp", 0.02, trial);
  EXPECT_EQ(trial.found, 0U);
}

// A trigger in a table that is no image: one rare value of one measurement.
TEST(repeated_pattern, finds_a_repeated_value_in_a_table) {
  drills::AugmentedDigits digits = drills::augmented_digits(1);
  digits.rows.image = {};
  learn::Random random(9);
  std::vector<double>& column = digits.rows.columns[digits.rows.feature_columns()[20]].numbers;
  std::set<std::size_t> planted;
  for (const std::size_t row : random.sample(digits.rows.rows(), 30)) {
    column[row] = 11.625;
    drills::set_label(digits.rows, row, "7");
    planted.insert(row);
  }
  EXPECT_EQ(search(digits.rows), planted);
}

}  // namespace
}  // namespace sallyport::data_engineering::data_analysis
