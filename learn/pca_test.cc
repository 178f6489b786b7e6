#include "learn/pca.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "core/limits.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// Rows whose spread falls by half from one feature to the next, turned by a mixture of neighbouring features.
Matrix sloping(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Matrix out(rows, columns);
  Random random(seed);
  for (std::size_t r = 0; r < rows; ++r) {
    double carried = 0;
    for (std::size_t j = 0; j < columns; ++j) {
      const double value = random.normal() * 100 * std::pow(0.8, static_cast<double>(j));
      out.row(r)[j] = static_cast<float>(value + 0.3 * carried + 5);
      carried = value;
    }
  }
  return out;
}

TEST(Eigen, OfAKnownMatrix) {
  const Eigen eigen = symmetric_eigen({2, 1, 1, 2}, 2);
  EXPECT_NEAR(eigen.values[0], 3, 1e-14);
  EXPECT_NEAR(eigen.values[1], 1, 1e-14);
  EXPECT_NEAR(std::abs(eigen.vectors[0][0]), std::sqrt(0.5), 1e-14);
  EXPECT_EQ(symmetric_eigen({}, 0).values.size(), 0U);
}

TEST(Pca, ComponentsAreOrthonormalAndCarryTheVariance) {
  const Matrix rows = sloping(300, 40, 1);
  const auto pca = principal_components(rows, 40);
  ASSERT_TRUE(pca);
  for (std::size_t i = 0; i < 40; ++i) {
    for (std::size_t j = 0; j <= i; ++j)
      EXPECT_NEAR(dot(pca->components[i], pca->components[j]), i == j, 1e-9);
  }
  EXPECT_NEAR(std::accumulate(pca->variances.begin(), pca->variances.end(), 0.0), pca->total_variance, 1e-6);
  const Matrix places = pca->project(rows);
  std::vector<double> first;
  for (std::size_t r = 0; r < rows.rows(); ++r) first.push_back(places.at(r, 0));
  EXPECT_NEAR(mean(first), 0, 1e-3);
  EXPECT_NEAR(variance(first) / pca->variances[0], 1, 1e-5);
}

TEST(Pca, TheSubspaceFindsWhatJacobiFinds) {
  // 150 features go to the subspace iteration; asked for 145 of them they go to Jacobi.
  const Matrix rows = sloping(400, 150, 2);
  const auto few = principal_components(rows, 5);
  const auto all = principal_components(rows, 145);
  ASSERT_TRUE(few && all);
  ASSERT_EQ(few->components.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_NEAR(few->variances[i] / all->variances[i], 1, 1e-9) << i;
    EXPECT_NEAR(dot(few->components[i], all->components[i]), 1, 1e-6) << i;
  }
}

TEST(Pca, LowRankAndBadInputEndWell) {
  Matrix flat(5, 120);
  for (std::size_t r = 0; r < 5; ++r) flat.row(r)[3] = static_cast<float>(r);
  const auto pca = principal_components(flat, 3);
  ASSERT_TRUE(pca);
  EXPECT_NEAR(pca->variances[0], 2.5, 1e-12);
  EXPECT_NEAR(pca->components[0][3], 1, 1e-12);
  EXPECT_NEAR(pca->variances[1], 0, 1e-12);
  EXPECT_FALSE(principal_components(Matrix(0, 3), 1));
  EXPECT_EQ(principal_components(Matrix(1, limits::kPcaFeaturesMax + 1), 1).error().kind, ErrorKind::kLimit);
  EXPECT_EQ(principal_components(Matrix(1, 3), 1)->variances[0], 0);
}

TEST(Pca, TheFirstComponentIsThePlantedDirection) {
  Matrix rows(200, 100);
  Random random(3);
  for (float& value : rows.values()) value = static_cast<float>(random.normal());
  for (std::size_t r = 0; r < 10; ++r) {
    for (std::size_t j = 0; j < 25; ++j) rows.row(r)[j] += 4;
  }
  const auto pca = principal_components(rows, 1);
  ASSERT_TRUE(pca);
  std::vector<double> scores;
  const Matrix places = pca->project(rows);
  for (const float place : places.values()) scores.push_back(std::abs(place));
  const std::span<const double> all(scores);
  EXPECT_EQ(true_positive_rate_at(all.first(10), all.subspan(10), 0.01), 1);
}

}  // namespace
}  // namespace sallyport::learn
