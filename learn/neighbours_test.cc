#include "learn/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

Matrix random_points(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Matrix out(rows, columns);
  Random random(seed);
  for (float& value : out.values()) value = static_cast<float>(random.below(17));
  return out;
}

// What the definition says, without blocks, heaps or lanes. Small integers make every order of summation
// exact.
std::vector<Neighbour> plainly(const Matrix& points, std::span<const float> query, std::size_t count) {
  std::vector<Neighbour> all;
  for (std::size_t p = 0; p < points.rows(); ++p) {
    float sum = 0;
    for (std::size_t j = 0; j < query.size(); ++j) {
      sum += (points.at(p, j) - query[j]) * (points.at(p, j) - query[j]);
    }
    all.push_back({static_cast<std::uint32_t>(p), sum});
  }
  std::sort(all.begin(), all.end());
  all.resize(count);
  return all;
}

TEST(Neighbours, AreThoseOfTheDefinition) {
  for (const std::size_t columns : {1U, 7U, 16U, 33U, 64U}) {
    const Matrix points = random_points(700, columns, columns);
    const Matrix queries = random_points(90, columns, columns + 1000);
    for (const unsigned threads : {1U, 3U}) {
      const auto found = nearest(points, queries, {.count = 9, .threads = threads});
      ASSERT_TRUE(found);
      for (std::size_t q = 0; q < queries.rows(); ++q) {
        const std::vector<Neighbour> expected = plainly(points, queries.row(q), 9);
        for (std::size_t i = 0; i < 9; ++i) {
          ASSERT_EQ(found->of(q)[i].row, expected[i].row) << "query " << q << ", neighbour " << i;
          ASSERT_EQ(found->of(q)[i].squared_distance, expected[i].squared_distance);
        }
      }
    }
  }
}

TEST(Neighbours, LeaveThePointItselfOutAndKeepItsDouble) {
  Matrix points = random_points(50, 20, 5);
  std::ranges::copy(points.row(3), points.row(41).begin());
  const auto found = nearest_others(points, {.count = 1});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->of(3)[0].row, 41U);
  EXPECT_EQ(found->of(41)[0].row, 3U);
  EXPECT_EQ(found->of(3)[0].squared_distance, 0);
  for (std::size_t i = 0; i < points.rows(); ++i) EXPECT_NE(found->of(i)[0].row, i);
}

TEST(Neighbours, SeeOnlyTheFeaturesThatCount) {
  Matrix points(3, 2, {0, 9, 5, 0, 6, 1});
  const std::vector<std::size_t> first{0};
  const auto found = nearest_others(points, {.count = 1, .features = first});
  ASSERT_TRUE(found);
  EXPECT_EQ(found->of(0)[0].row, 1U);
  EXPECT_EQ(found->of(0)[0].squared_distance, 25);
  const std::vector<std::size_t> missing{2};
  EXPECT_FALSE(nearest_others(points, {.features = missing}));
  EXPECT_FALSE(nearest(points, Matrix(1, 3)));
  EXPECT_EQ(nearest_others(Matrix(1, 3))->count(), 0U);
  EXPECT_EQ(nearest(Matrix(0, 3), Matrix(2, 3))->count(), 0U);
}

TEST(MatrixOfADataset, KeepsRolesOutAndRefusesWhatIsMissing) {
  Dataset data{.name = "t",
               .columns = {{.name = "a", .numbers = {1, 2, NAN}},
                           {.name = "y", .numbers = {10, 2, 10}},
                           {.name = "b", .numbers = {4, 5, 6}}}};
  data.roles.label = "y";
  const auto refused = features_of(data);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "t: row 2, column a: not a finite number of 32 bits");
  const auto filled = features_of(data, Missing::kMedian);
  ASSERT_TRUE(filled);
  EXPECT_EQ(filled->columns(), 2U);
  EXPECT_EQ(filled->at(2, 0), 1.5F);
  EXPECT_EQ(filled->at(2, 1), 6);
  const auto classes = classes_of(data);
  ASSERT_TRUE(classes);
  EXPECT_EQ(classes->names, (std::vector<std::string>{"2", "10"}));
  EXPECT_EQ(classes->of_row, (std::vector<std::uint32_t>{1, 0, 1}));
  EXPECT_EQ(classes->counts(), (std::vector<std::uint64_t>{1, 2}));
  EXPECT_FALSE(classes_of(data, {"2"}));
  const Matrix scaled = standard_scaling(*filled).apply(*filled);
  EXPECT_NEAR(scaled.at(0, 1), -1, 1e-6);
}

}  // namespace
}  // namespace sallyport::learn
