#include <gtest/gtest.h>

#include <algorithm>

#include "core/guard.h"
#include "drills/data.h"
#include "drills/images.h"
#include "learn/random.h"

namespace sallyport::data_engineering::data_preprocessing {

extern const Guard label_transition;

namespace {

Examination examine(const Dataset& before, const Dataset& after, const Contract& contract = {}) {
  const auto examination =
      run_fold(label_transition.dataset, {.data = &after, .reference = &before, .contract = contract},
               Parameters(label_transition.parameters));
  EXPECT_TRUE(examination.has_value());
  return examination ? *examination : Examination{};
}

std::vector<std::size_t> all_rows_but(std::size_t rows, const std::vector<std::size_t>& left_out) {
  std::vector<std::size_t> out;
  for (std::size_t row = 0; row < rows; ++row) {
    if (std::find(left_out.begin(), left_out.end(), row) == left_out.end()) out.push_back(row);
  }
  return out;
}

TEST(label_transition, finds_a_single_flip_wherever_it_is) {
  const Dataset& before = drills::digits();
  learn::Random random(1);
  for (int trial = 0; trial < 30; ++trial) {
    Dataset after = before;
    const auto row = static_cast<std::size_t>(random.below(after.rows()));
    const auto labels = before.labels();
    drills::set_label(after, row, std::to_string((std::stoul((*labels)[row]) + 1 + random.below(9)) % 10));
    const Examination examination = examine(before, after);
    ASSERT_EQ(examination.findings.size(), 2U);  // the cell and the row
    EXPECT_EQ(examination.findings[1].where.row, row);
    EXPECT_EQ(examination.statistics.front().sample_size, before.rows());
  }
}

TEST(label_transition, sees_through_a_move_to_another_id) {
  const Dataset& before = drills::breast_cancer();
  Dataset after = before;
  // Two rows of different classes trade ids and nothing else: joined by id, both labels changed.
  const std::vector<std::string>& diagnosis = before.find("diagnosis")->texts;
  const auto other =
      static_cast<std::size_t>(std::find(diagnosis.begin(), diagnosis.end(), "B") - diagnosis.begin());
  std::swap(after.columns.front().texts[0], after.columns.front().texts[other]);
  EXPECT_GE(examine(before, after).findings.size(), 2U);
  // They trade ids and labels: every id keeps its label, but the features stand under the wrong one.
  std::swap(after.columns.back().texts[0], after.columns.back().texts[other]);
  const Examination examination = examine(before, after);
  ASSERT_EQ(examination.findings.size(), 2U);
  EXPECT_NE(examination.findings.front().message.find("stand under another id"), std::string::npos);
}

TEST(label_transition, sees_through_a_row_dropped_and_added_again) {
  const Dataset& before = drills::breast_cancer();
  Dataset after = before;
  after.columns.front().texts[7] = "b999";
  after.columns.back().texts[7] = "B";
  const Examination examination = examine(before, after);
  ASSERT_FALSE(examination.findings.empty());
  for (const Finding& finding : examination.findings) EXPECT_EQ(finding.where.row, 7U);
}

TEST(label_transition, holds_a_licence_to_relabel_to_its_rate) {
  const Dataset& before = drills::breast_cancer();
  Dataset after = before;
  const Contract contract{.may_relabel = true};
  drills::set_label(after, 0, "B");
  EXPECT_TRUE(examine(before, after, contract).findings.empty());
  std::size_t left = 20;
  for (std::size_t row = 0; row < after.rows() && left > 0; ++row) {
    if (before.columns.back().texts[row] != "M") continue;
    drills::set_label(after, row, "B");
    --left;
  }
  EXPECT_FALSE(examine(before, after, contract).findings.empty());
}

TEST(label_transition, lets_rows_go_but_not_of_one_class) {
  const Dataset& before = drills::breast_cancer();
  learn::Random random(3);
  for (int trial = 0; trial < 50; ++trial) {
    const Dataset after = before.pick(all_rows_but(before.rows(), random.sample(before.rows(), 40)));
    EXPECT_TRUE(examine(before, after).findings.empty());
  }
  std::vector<std::size_t> malignant;
  for (std::size_t row = 0; row < before.rows() && malignant.size() < 15; ++row) {
    if (before.columns.back().texts[row] == "M") malignant.push_back(row);
  }
  const Examination examination = examine(before, before.pick(all_rows_but(before.rows(), malignant)));
  ASSERT_EQ(examination.findings.size(), 1U);
  EXPECT_NE(examination.findings.front().message.find("rows that are gone"), std::string::npos);
}

TEST(label_transition, cannot_tell_without_ids_or_without_a_before) {
  Dataset without = drills::breast_cancer();
  without.roles.id = {};
  const Parameters parameters(label_transition.parameters);
  const Dataset& with = drills::breast_cancer();
  EXPECT_FALSE(run_fold(label_transition.dataset, {.data = &without, .reference = &with}, parameters));
  EXPECT_FALSE(run_fold(label_transition.dataset, {.data = &with, .reference = &without}, parameters));
  EXPECT_FALSE(run_fold(label_transition.dataset, {.data = &with}, parameters));
}

}  // namespace
}  // namespace sallyport::data_engineering::data_preprocessing
