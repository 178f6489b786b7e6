#include "learn/row_sample.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

Dataset numbered(std::size_t rows) {
  Dataset data{.name = "numbered", .columns = {{.name = "value"}, {.name = "word", .numeric = false}}};
  for (std::size_t i = 0; i < rows; ++i) {
    data.columns[0].numbers.push_back(static_cast<double>(i));
    data.columns[1].texts.push_back("w" + std::to_string(i));
  }
  return data;
}

TEST(row_sample, does_not_depend_on_sharding_or_order) {
  const Dataset data = numbered(1000);
  const auto whole = settled(sample_rows(data, 100, 7));
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->numbers.size(), 100U);
  EXPECT_EQ(whole->seen, 1000U);
  Random random(1);
  for (std::size_t shards = 1; shards <= 13; ++shards) {
    std::vector<RowSample> parts;
    for (std::size_t i = 0; i < shards; ++i) {
      parts.push_back(sample_rows(data.slice(1000 * i / shards, 1000 * (i + 1) / shards), 100, 7));
    }
    random.shuffle(std::span(parts));
    RowSample all = std::move(parts.front());
    for (std::size_t i = 1; i < shards; ++i) all = merge(std::move(all), std::move(parts[i]));
    const auto merged = settled(std::move(all));
    ASSERT_TRUE(merged);
    EXPECT_EQ(merged->numbers, whole->numbers);
    EXPECT_EQ(merged->rows.columns[0].numbers, whole->rows.columns[0].numbers);
    EXPECT_EQ(merged->rows.columns[1].texts, whole->rows.columns[1].texts);
  }
}

TEST(row_sample, keeps_a_small_data_set_whole_and_in_order) {
  const auto sample = settled(
      merge(sample_rows(numbered(10).slice(5, 10), 10, 1), sample_rows(numbered(10).slice(0, 5), 10, 1)));
  ASSERT_TRUE(sample);
  EXPECT_TRUE(sample->whole());
  EXPECT_EQ(sample->rows.columns[0].numbers, numbered(10).columns[0].numbers);
}

TEST(row_sample, another_seed_draws_other_rows) {
  EXPECT_NE(settled(sample_rows(numbered(1000), 100, 1))->numbers,
            settled(sample_rows(numbered(1000), 100, 2))->numbers);
}

TEST(row_sample, refuses_shards_of_different_columns) {
  Dataset other = numbered(5);
  other.columns[0].name = "renamed";
  EXPECT_FALSE(settled(merge(sample_rows(numbered(5), 100, 1), sample_rows(other, 100, 1))));
}

}  // namespace
}  // namespace sallyport::learn
