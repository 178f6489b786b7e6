// Patterns that one class has alone, and classes that merely differ.
#include "learn/contrast.h"

#include <gtest/gtest.h>

#include "learn/picture.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kRows = 1200;
constexpr std::size_t kFeatures = 40;

struct Table {
  Matrix rows{kRows, kFeatures};
  Classes classes{.names = {"a", "b", "c"}, .of_row = {}};
};

// Three classes at places of their own, with correlated noise.
Table honest(std::uint64_t seed) {
  Table out;
  Random random(seed);
  for (std::size_t r = 0; r < kRows; ++r) {
    const auto of = static_cast<std::uint32_t>(r % 3);
    out.classes.of_row.push_back(of);
    const double common = random.normal();
    for (std::size_t j = 0; j < kFeatures; ++j)
      out.rows.row(r)[j] = static_cast<float>((j % 3 == of ? 2 : 0) + common * 0.7 + random.normal());
  }
  return out;
}

TEST(contrast, finds_a_faint_pattern_of_few_rows_whose_labels_are_right) {
  for (const std::uint64_t seed : {1, 2, 3, 4, 5}) {
    Table table = honest(seed);
    std::vector<double> bad;
    std::vector<double> clean;
    for (std::size_t r = 0; r < kRows; ++r) {
      if (r % 3 == 1 && r < 90) {
        for (std::size_t j = 0; j < kFeatures; ++j) table.rows.row(r)[j] += j % 2 == 0 ? 3.0F : -3.0F;
      }
    }
    const auto found = rank_by_contrast(table.rows, table.classes, {.threads = 1});
    ASSERT_TRUE(found) << found.error().message;
    for (std::size_t r = 0; r < kRows; ++r) (r % 3 == 1 && r < 90 ? bad : clean).push_back(found->score[r]);
    EXPECT_GT(area_under_roc(bad, clean), 0.99);
    ASSERT_FALSE(found->groups.empty());
    EXPECT_EQ(found->groups.front().of_class, 1u);
    EXPECT_GE(found->groups.front().rows.size(), 28u);
    for (const std::uint32_t row : found->groups.front().rows) EXPECT_TRUE(row % 3 == 1 && row < 90) << row;
  }
}

TEST(contrast, reports_no_group_where_nothing_was_planted) {
  std::size_t groups = 0;
  for (std::uint64_t seed = 10; seed < 60; ++seed) {
    const Table table = honest(seed);
    groups += rank_by_contrast(table.rows, table.classes, {.threads = 1})->groups.size();
  }
  EXPECT_EQ(groups, 0u);
}

TEST(contrast, is_the_same_for_any_number_of_threads_and_takes_what_does_not_vary) {
  const Table table = honest(7);
  EXPECT_EQ(rank_by_contrast(table.rows, table.classes, {.threads = 1})->score,
            rank_by_contrast(table.rows, table.classes, {.threads = 3})->score);
  Table flat = honest(8);
  for (float& value : flat.rows.values()) value = 4;
  EXPECT_EQ(rank_by_contrast(flat.rows, flat.classes)->score, std::vector<double>(kRows));
  flat.classes = {.names = {"a"}, .of_row = std::vector<std::uint32_t>(kRows)};
  EXPECT_FALSE(rank_by_contrast(flat.rows, flat.classes));
  EXPECT_FALSE(rank_by_contrast(Matrix(3, kContrastFeaturesMax + 1), {{"a", "b"}, {0, 1, 0}}));
}

TEST(picture, is_told_from_a_table_by_its_neighbours) {
  Random random(3);
  Dataset smooth;
  Dataset rough;
  for (std::size_t j = 0; j < 100; ++j) {
    smooth.columns.push_back({.name = "p" + std::to_string(j)});
    rough.columns.push_back({.name = "p" + std::to_string(j)});
    for (std::size_t r = 0; r < 20; ++r) {
      const double x = static_cast<double>(j % 10);
      const double y = static_cast<double>(j / 10);
      smooth.columns[j].numbers.push_back(static_cast<double>(10 * (r % 5)) + 7 * x + 9 * y);
      rough.columns[j].numbers.push_back(200 * random.uniform());
    }
  }
  EXPECT_EQ(shape_of_pictures(smooth).height, 10);
  EXPECT_EQ(shape_of_pictures(smooth).max_value, 255);
  EXPECT_EQ(shape_of_pictures(rough).height, 0);
}

TEST(picture, has_planes_of_grey_and_colour_halved_until_they_fit) {
  Matrix one(1, 4 * 4 * 3);
  for (std::size_t p = 0; p < 16; ++p) {
    one.row(0)[3 * p] = 30;
    one.row(0)[3 * p + 1] = 60;
    one.row(0)[3 * p + 2] = 90;
  }
  const std::vector<Matrix> planes = planes_of(one, {.height = 4, .width = 4, .max_value = 255}, 5);
  ASSERT_EQ(planes.size(), 3u);
  EXPECT_EQ(planes[0].columns(), 4u);
  EXPECT_NEAR(planes[0].at(0, 3), 60, 1e-4);
  EXPECT_NEAR(planes[1].at(0, 0), -30, 1e-4);
  EXPECT_NEAR(planes[2].at(0, 0), 0, 1e-4);
  EXPECT_EQ(channels_of({.height = 4, .width = 4}, 48), 3u);
  EXPECT_EQ(channels_of({.height = 4, .width = 4}, 50), 0u);
}

}  // namespace
}  // namespace sallyport::learn
