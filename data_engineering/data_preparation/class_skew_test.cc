#include <gtest/gtest.h>

#include <cstdio>

#include "core/guard.h"
#include "drills/data.h"
#include "drills/images.h"
#include "learn/random.h"
#include "learn/split.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preparation {

extern const Guard class_skew;

namespace {

Examination examine(const Dataset& train, const Contract& contract = {}) {
  const auto examination = run_fold(class_skew.dataset,
                                    {.data = &train,
                                     .reference = &drills::breast_cancer(),
                                     .relation = Relation::kWhole,
                                     .contract = contract},
                                    Parameters(class_skew.parameters));
  EXPECT_TRUE(examination.has_value());
  return examination ? *examination : Examination{};
}

// 60 % of the rows, drawn at random; of the malignant ones among them, `removed` are left out again.
Dataset random_train(std::uint64_t seed, double removed) {
  const Dataset& whole = drills::breast_cancer();
  learn::Random random(seed);
  std::vector<std::size_t> rows = random.sample(whole.rows(), whole.rows() * 6 / 10);
  std::vector<std::size_t> malignant;
  std::erase_if(rows, [&](std::size_t row) {
    if (whole.columns.back().texts[row] != "M") return false;
    malignant.push_back(row);
    return true;
  });
  malignant.resize(malignant.size() -
                   static_cast<std::size_t>(removed * static_cast<double>(malignant.size())));
  rows.insert(rows.end(), malignant.begin(), malignant.end());
  return whole.pick(rows);
}

TEST(class_skew, leaves_honest_random_splits_alone) {
  constexpr std::uint64_t kSplits = 1000;
  std::uint64_t flagged = 0;
  for (std::uint64_t seed = 1; seed <= kSplits; ++seed)
    flagged += examine(random_train(seed, 0)).findings.empty() ? 0 : 1;
  const learn::Interval interval = learn::clopper_pearson(flagged, kSplits);
  std::printf("  honest splits refused: %llu of %llu [%.4f, %.4f]\n",
              static_cast<unsigned long long>(flagged), static_cast<unsigned long long>(kSplits),
              interval.low, interval.high);
  EXPECT_LE(interval.low, 0.001);
}

TEST(class_skew, says_which_removed_share_it_sees_without_a_rule) {
  constexpr std::uint64_t kTrials = 200;
  std::uint64_t last = 0;
  for (const double removed : {0.1, 0.2, 0.3, 0.4, 0.5}) {
    std::uint64_t seen = 0;
    for (std::uint64_t seed = 1; seed <= kTrials; ++seed) {
      seen += examine(random_train(seed, removed)).findings.empty() ? 0 : 1;
    }
    const learn::Interval interval = learn::clopper_pearson(seen, kTrials);
    std::printf("  %2.0f %% of the malignant training rows withheld: seen in %.3f [%.3f, %.3f]\n",
                100 * removed, static_cast<double>(seen) / kTrials, interval.low, interval.high);
    EXPECT_GE(seen, last);
    last = seen;
    // What the guard says of its own power has to agree with what it does.
    if (removed == 0.4) {
      const double stated = *examine(random_train(1, 0)).statistics.back().power;
      EXPECT_NEAR(stated, static_cast<double>(seen) / kTrials, 0.1);
    }
  }
}

TEST(class_skew, recomputes_a_keyed_split_row_by_row) {
  const Dataset& whole = drills::breast_cancer();
  const Contract contract{.split = SplitRule{.key = sha256("key"), .test_share = 0.3}};
  std::vector<std::size_t> train;
  std::vector<std::size_t> test;
  const std::vector<std::string> units = learn::split_units(whole);
  for (std::size_t row = 0; row < units.size(); ++row) {
    (learn::falls_in_test(*contract.split, units[row]) ? test : train).push_back(row);
  }
  EXPECT_NEAR(static_cast<double>(test.size()) / static_cast<double>(whole.rows()), 0.3, 0.06);
  EXPECT_TRUE(examine(whole.pick(train), contract).findings.empty());
  std::vector<std::size_t> changed = train;
  changed.erase(changed.begin() + 9);
  EXPECT_EQ(examine(whole.pick(changed), contract).findings.size(), 1U);
  changed = train;
  changed.push_back(test[4]);
  EXPECT_EQ(examine(whole.pick(changed), contract).findings.size(), 2U);  // how many, and the row
  const Contract other_key{.split = SplitRule{.key = sha256("another key"), .test_share = 0.3}};
  EXPECT_FALSE(examine(whole.pick(train), other_key).findings.empty());
}

TEST(class_skew, knows_repeated_and_foreign_rows) {
  Dataset train = random_train(1, 0);
  drills::append_rows(train, train.pick({3}));
  EXPECT_EQ(examine(train).findings.size(), 1U);
  EXPECT_TRUE(examine(train, {.may_add_rows = true}).findings.empty());
  train.columns.front().texts.back() = "b9999";
  EXPECT_EQ(examine(train, {.may_add_rows = true}).findings.size(), 1U);
}

}  // namespace
}  // namespace sallyport::data_engineering::data_preparation
