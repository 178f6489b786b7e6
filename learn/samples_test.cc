// Samples that joins survive, counts of digests in bounded memory, and fingerprints of the order of numbers.
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "learn/digest_sample.h"
#include "learn/distinct_rows.h"
#include "learn/order_prints.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

struct Row {
  RowDigest id = {};
  std::uint64_t number = 0;
};

std::set<std::uint64_t> numbers_of(const DigestSample<Row>& sample) {
  std::set<std::uint64_t> out;
  for (const Row& row : sample.rows()) out.insert(row.number);
  return out;
}

// Ids that come back: every row of one is kept, or none.
TEST(digest_sample, keeps_the_same_ids_whole_in_any_sharding) {
  constexpr std::size_t kRows = 5000;
  const auto row_of = [](std::uint64_t number) {
    return Row{row_digest(std::to_string(number % 1700)), number};
  };
  DigestSample<Row> whole(600, &Row::id);
  for (std::uint64_t i = 0; i < kRows; ++i) whole.add(row_of(i));
  const double share = whole.settle().share();
  const std::set<std::uint64_t> kept = numbers_of(whole);
  EXPECT_LE(kept.size(), 600U);
  EXPECT_GT(kept.size(), 590U);
  EXPECT_NEAR(share, 600.0 / kRows, 0.03);
  for (std::uint64_t i = 0; i < kRows; ++i) EXPECT_EQ(kept.contains(i), kept.contains(i % 1700)) << i;
  Random random(3);
  for (std::size_t shards = 2; shards < 9; ++shards) {
    std::vector<DigestSample<Row>> parts(shards, DigestSample<Row>(600, &Row::id));
    for (std::uint64_t i = 0; i < kRows; ++i) parts[random.below(shards)].add(row_of(i));
    DigestSample<Row> all = parts.back();
    for (std::size_t i = 0; i + 1 < shards; ++i) all.merge(parts[i]);
    EXPECT_EQ(all.settle().at, whole.settle().at);
    EXPECT_EQ(numbers_of(all), kept);
    EXPECT_EQ(all.seen(), kRows);
  }
}

TEST(digest_sample, is_whole_up_to_its_size_and_empty_when_one_id_has_all_rows) {
  DigestSample<Row> few(10, &Row::id);
  for (std::uint64_t i = 0; i < 10; ++i) few.add({row_digest(std::to_string(i)), i});
  EXPECT_EQ(few.settle().share(), 1);
  EXPECT_EQ(few.rows().size(), 10U);
  DigestSample<Row> one(10, &Row::id);
  for (std::uint64_t i = 0; i < 100; ++i) one.add({row_digest("x"), i});
  one.settle();
  EXPECT_TRUE(one.rows().empty());
}

TEST(distinct_rows, counts_every_row_of_the_digests_that_it_keeps) {
  std::map<RowDigest, std::uint64_t> truth;
  DistinctRows small(40'000);
  DistinctRows large(std::size_t{1} << 30);
  Random random(5);
  for (std::uint64_t row = 0; row < 60'000; ++row) {
    const RowDigest digest = row_digest(std::to_string(random.below(20'000)));
    const std::uint64_t count = ++truth[digest];
    const DistinctRows::Entry* entry = large.add(digest, row);
    ASSERT_NE(entry, nullptr);
    EXPECT_EQ(entry->count, count);
    small.add(digest, row);
  }
  EXPECT_EQ(large.share(), 1);
  EXPECT_LT(small.share(), 0.2);
  std::size_t kept = 0;
  for (const DistinctRows::Entry& entry : small.slots()) {
    if (entry.count == 0) continue;
    ++kept;
    EXPECT_EQ(entry.count, truth.at(entry.digest));
    EXPECT_EQ(entry.first, large.find(entry.digest)->first);
  }
  EXPECT_NEAR(static_cast<double>(kept) / small.share(), static_cast<double>(truth.size()), 3000);
}

TEST(order_prints, survive_scale_rounding_and_half_precision_but_not_chance) {
  Random random(7);
  std::vector<double> values(20'000);
  for (double& value : values) value = random.normal();
  OrderPrints prints(1'000'000);
  prints.add(values);
  prints.settle();
  const auto share = [&](const std::vector<double>& sent) {
    std::size_t known = 0;
    prints.match(sent, [&](std::uint64_t) { ++known; });
    return static_cast<double>(known) / static_cast<double>(sent.size());
  };
  std::vector<double> scaled;
  std::vector<double> bytes;
  std::vector<double> others;
  std::vector<double> counting;
  for (const double value : values) {
    scaled.push_back(3 * value + 100);
    bytes.push_back(std::round((value + 5) * 25));
    others.push_back(random.normal());
    counting.push_back(static_cast<double>(counting.size()));
  }
  EXPECT_GT(share(scaled), 0.99);
  EXPECT_GT(share(bytes), 0.05);
  EXPECT_LT(share(others), 1e-4);
  EXPECT_EQ(share(counting), 0);
}

}  // namespace
}  // namespace sallyport::learn
