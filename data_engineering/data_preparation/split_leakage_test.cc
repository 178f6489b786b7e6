#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>

#include "core/guard.h"
#include "drills/data.h"
#include "drills/drill.h"
#include "learn/neighbours.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_preparation {

extern const Guard split_leakage;
extern const drills::Drill split_leakage_drill;

namespace {

Examination examine(const Dataset& train, const Dataset& test) {
  const auto examination = run_fold(split_leakage.dataset, {.data = &test, .reference = &train},
                                    Parameters(split_leakage.parameters));
  EXPECT_TRUE(examination.has_value());
  return examination ? *examination : Examination{};
}

std::set<std::size_t> rows_of(const Examination& examination) {
  std::set<std::size_t> out;
  for (const Finding& finding : examination.findings) {
    if (finding.where.row) out.insert(*finding.where.row);
  }
  return out;
}

// Of a nearest-neighbour model on the rows [begin, end) of the test split.
double accuracy(const Dataset& train, const Dataset& test, std::size_t begin, std::size_t end) {
  const auto nearest = learn::nearest(*learn::features_of(train), *learn::features_of(test), {.count = 1});
  const auto known = train.labels();
  const auto labels = test.labels();
  double right = 0;
  for (std::size_t row = begin; row < end; ++row) {
    right += (*known)[nearest->of(row).front().row] == (*labels)[row] ? 1 : 0;
  }
  return right / static_cast<double>(end - begin);
}

// The drill's seeds go through its edits in turn; the rows that it leaks stand last.
TEST(split_leakage, finds_every_kind_of_copy_and_no_natural_neighbour) {
  constexpr std::array<const char*, 4> kEdits{"exact", "one level of noise", "one pixel of shift",
                                              "case and spacing"};
  constexpr std::uint64_t kSeeds = 5;
  for (std::uint64_t edit = 0; edit < kEdits.size(); ++edit) {
    std::uint64_t leaked = 0;
    std::uint64_t hit = 0;
    std::uint64_t wrong = 0;
    std::uint64_t genuine_rows = 0;
    double points = 0;
    for (std::uint64_t trial = 0; trial < kSeeds; ++trial) {
      drills::World world("unused", 4 * (trial + 100) + edit);
      ASSERT_TRUE(split_leakage_drill.attack(world));
      const auto subjects = split_leakage_drill.present(world);
      const Dataset& test = *subjects->datasets.front().second.data;
      const Dataset& train = *subjects->datasets.front().second.reference;
      const std::size_t copies = static_cast<std::size_t>(0.05 * static_cast<double>(train.rows()) + 0.5);
      const std::size_t genuine = test.rows() - copies;
      for (const std::size_t row : rows_of(examine(train, test))) ++(row < genuine ? wrong : hit);
      leaked += copies;
      genuine_rows += genuine;
      if (edit < 3) {
        points += 100 * (accuracy(train, test, 0, test.rows()) - accuracy(train, test, 0, genuine)) / kSeeds;
      }
    }
    const learn::Interval recall = learn::clopper_pearson(hit, leaked);
    std::printf("  %s: found %llu of %llu [%.4f, %.4f], wrongly %llu of %llu", kEdits[edit],
                static_cast<unsigned long long>(hit), static_cast<unsigned long long>(leaked), recall.low,
                recall.high, static_cast<unsigned long long>(wrong),
                static_cast<unsigned long long>(genuine_rows));
    if (edit < 3) std::printf("; a plain nearest-neighbour model owes it %.1f points of accuracy", points);
    std::printf("\n");
    EXPECT_GE(static_cast<double>(hit), 0.99 * static_cast<double>(leaked));
    EXPECT_LE(static_cast<double>(wrong), 0.01 * static_cast<double>(hit + wrong));
  }
}

Dataset lines(std::vector<std::string> texts) {
  return {.name = "lines", .columns = {{.name = "text", .numeric = false, .texts = std::move(texts)}}};
}

TEST(split_leakage, finds_a_text_of_which_a_word_was_changed) {
  const Dataset train =
      lines({"the quick brown fox jumps over the lazy dog near the river bank every single morning",
             "an entirely different sentence about the weather in the mountains"});
  const Dataset test =
      lines({"yesterday nothing of note happened in the village below the dam",
             "the quick brown fox jumps over the lazy dog near the river bank every single evening"});
  EXPECT_EQ(rows_of(examine(train, test)), (std::set<std::size_t>{1}));
}

Dataset grouped(std::vector<std::string> groups, std::vector<double> times, double first_value) {
  Dataset out{.name = "visits",
              .columns = {{.name = "value"}, {.name = "patient", .numeric = false}, {.name = "day"}},
              .roles = {.group = "patient", .time = "day"}};
  for (std::size_t i = 0; i < groups.size(); ++i)
    out.columns[0].numbers.push_back(first_value + static_cast<double>(i));
  out.columns[1].texts = std::move(groups);
  out.columns[2].numbers = std::move(times);
  return out;
}

// People of the same trade, schooling and home are not the same people.
TEST(split_leakage, takes_rows_of_the_same_categories_for_no_copies) {
  constexpr std::array kTrades{"craft and repair", "executive and managerial", "private house service"};
  constexpr std::array kSchools{"some college, no degree", "professional school", "high school graduate"};
  const auto people = [&](std::size_t rows, std::uint64_t seed) {
    learn::Random random(seed);
    Dataset out{
        .name = "people",
        .columns = {
            {.name = "hours"}, {.name = "trade", .numeric = false}, {.name = "school", .numeric = false}}};
    for (std::size_t row = 0; row < rows; ++row) {
      out.columns[0].numbers.push_back(random.normal());
      out.columns[1].texts.emplace_back(kTrades[random.below(kTrades.size())]);
      out.columns[2].texts.emplace_back(kSchools[random.below(kSchools.size())]);
    }
    return out;
  };
  EXPECT_TRUE(rows_of(examine(people(200, 1), people(60, 2))).empty());
}

TEST(split_leakage, parts_groups_and_times) {
  const Dataset train = grouped({"ana", "ben", "cy"}, {1, 2, 3}, 0);
  EXPECT_TRUE(examine(train, grouped({"dee", "eli"}, {4, 5}, 10)).findings.empty());
  const Examination shared = examine(train, grouped({"dee", "ben"}, {4, 5}, 10));
  ASSERT_EQ(shared.findings.size(), 1U);
  EXPECT_EQ(shared.findings.front().where.column, "patient");
  const Examination early = examine(train, grouped({"dee", "eli"}, {2, 5}, 10));
  ASSERT_EQ(early.findings.size(), 1U);
  EXPECT_EQ(early.findings.front().where.column, "day");
}

// A table of a few small counts repeats itself in any honest split; copying more of it than that is still
// found.
TEST(split_leakage, tells_a_table_that_repeats_itself_from_a_leak) {
  learn::Random random(5);
  const auto draw = [&](std::size_t rows) {
    Dataset out{.name = "counts", .columns = {{.name = "a"}, {.name = "b"}, {.name = "c"}}};
    for (std::size_t row = 0; row < rows; ++row) {
      for (Column& column : out.columns) column.numbers.push_back(static_cast<double>(random.below(12)));
    }
    return out;
  };
  const Dataset train = draw(800);
  Dataset test = draw(200);
  for (const Finding& finding : examine(train, test).findings) EXPECT_EQ(finding.severity, Severity::kLow);
  for (std::size_t row = 0; row < 120; ++row) {
    for (std::size_t i = 0; i < 3; ++i) test.columns[i].numbers[row] = train.columns[i].numbers[row];
  }
  const Examination leaky = examine(train, test);
  EXPECT_GE(leaky.findings.size(), 120U);
  EXPECT_EQ(leaky.findings.front().severity, Severity::kHigh);
}

TEST(split_leakage, cannot_tell_without_a_training_split) {
  EXPECT_FALSE(
      run_fold(split_leakage.dataset, {.data = &drills::digits()}, Parameters(split_leakage.parameters)));
}

}  // namespace
}  // namespace sallyport::data_engineering::data_preparation
