// How often honest sources are named, and how small a part of the table still shows.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "core/guard.h"
#include "learn/random.h"
#include "learn/relevance.h"

namespace sallyport::data_engineering::data_analysis {

extern const Guard lone_source;

namespace {

constexpr std::size_t kSources = 10;

// Two classes and five columns that tell them by 0, .5, 1, 1.5 and 2 deviations, each source by up to
// `differ` more or less; in the rows of source 4 the column of noise copies the label when `copied`.
Dataset table(std::uint64_t seed, std::size_t rows, double differ, bool copied) {
  learn::Random random(seed);
  std::vector<double> extra(kSources * 5);
  for (double& value : extra) value = differ * (2 * random.uniform() - 1);
  Dataset out{.name = "table", .roles = {.label = "label", .contributor = "source"}};
  out.columns = {{.name = "label", .numeric = false}, {.name = "source", .numeric = false}};
  for (int c = 0; c < 5; ++c) out.columns.push_back({.name = "x" + std::to_string(c)});
  for (std::size_t row = 0; row < rows; ++row) {
    const std::size_t source = random.below(kSources);
    const bool positive = random.uniform() < 0.5;
    out.columns[0].texts.push_back(positive ? "yes" : "no");
    out.columns[1].texts.push_back("s" + std::to_string(source));
    for (std::size_t c = 0; c < 5; ++c) {
      const double shift = static_cast<double>(c) / 2 + extra[source * 5 + c];
      double value = random.normal() + (positive ? shift : 0);
      if (copied && c == 0 && source == 4) value = positive ? 50 : -50;
      out.columns[2 + c].numbers.push_back(value);
    }
  }
  return out;
}

std::size_t named(const Dataset& data) {
  const auto got = run_fold(lone_source.dataset, {.data = &data}, Parameters(lone_source.parameters));
  EXPECT_TRUE(got.has_value());
  if (!got) return 0;
  return static_cast<std::size_t>(std::ranges::count(got->findings, Severity::kHigh, &Finding::severity));
}

TEST(LoneSource, SourcesThatAgreeAreNotNamed) {
  std::size_t alarms = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) alarms += named(table(seed, 1000, 0, false)) > 0 ? 1 : 0;
  EXPECT_LE(alarms, 6U);  // alpha is .01: seven of 200 would come once in 200 runs
}

TEST(LoneSource, SourcesThatHonestlyDifferAreNotNamed) {
  std::size_t alarms = 0;
  for (std::uint64_t seed = 0; seed < 100; ++seed) alarms += named(table(seed, 2000, 0.3, false)) > 0 ? 1 : 0;
  EXPECT_LE(alarms, 4U);
}

TEST(LoneSource, ACopyInOneSourceIsNamedFromFiftyRowsOn) {
  std::size_t found = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) found += named(table(seed, 500, 0, true)) > 0 ? 1 : 0;
  EXPECT_GE(found, 49U);
}

TEST(Relevance, AreasCountTiesHalfAndGroupsApart) {
  const std::vector<double> values{1, 2, 2, 3, 5, 4};
  const std::vector<std::uint8_t> inside{0, 1, 0, 1, 0, 1};
  const std::vector<std::uint32_t> group{0, 0, 0, 0, 1, 1};
  const auto got = learn::auc_by_group(values, inside, group, 3);
  EXPECT_DOUBLE_EQ(got[0].value, (1 + 0.5 + 1 + 1) / 4.0);
  EXPECT_DOUBLE_EQ(got[1].value, 0);
  EXPECT_DOUBLE_EQ(got[2].value, 0.5);
  // Hanley and McNeil's own example has a standard error of .0288 at .893 with 51 and 58.
  EXPECT_NEAR(std::sqrt(learn::auc_variance(0.893, 51, 58)), 0.032, 0.004);
}

TEST(Relevance, PooledEffectsOfSourcesThatAgreeHaveNothingBetween) {
  const auto same = learn::pooled_effect(std::vector{.5, .5, .5}, std::vector{.01, .02, .04});
  EXPECT_DOUBLE_EQ(same.mean, .5);
  EXPECT_DOUBLE_EQ(same.between, 0);
  EXPECT_DOUBLE_EQ(same.variance, 1 / (100 + 50 + 25.0));
  EXPECT_GT(learn::pooled_effect(std::vector{.1, .9}, std::vector{.01, .01}).between, .2);
}

}  // namespace
}  // namespace sallyport::data_engineering::data_analysis
