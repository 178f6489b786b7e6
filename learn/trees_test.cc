#include "learn/trees.h"

#include <gtest/gtest.h>

#include <iostream>

#include "learn/random.h"
#include "learn/xgboost.h"

namespace sallyport::learn {
namespace {

// The class says whether two of six columns have the same sign: no column tells anything by itself.
struct Signs {
  Matrix features;
  Classes classes;
};
Signs signs(std::size_t rows, std::size_t classes, std::uint64_t seed) {
  Random random(seed);
  Signs out{.features = Matrix(rows, 6), .classes = {.names = {}, .of_row = {}}};
  for (std::size_t k = 0; k < classes; ++k) out.classes.names.push_back(std::to_string(k));
  for (std::size_t r = 0; r < rows; ++r) {
    for (float& value : out.features.row(r)) value = static_cast<float>(random.normal());
    const bool alike = (out.features.at(r, 1) > 0) == (out.features.at(r, 4) > 0);
    const std::size_t third = out.features.at(r, 2) > 0.7F ? 2 : 0;
    out.classes.of_row.push_back(static_cast<std::uint32_t>(classes == 3 && third == 2 ? 2 : alike ? 1 : 0));
  }
  return out;
}

class Trees : public testing::Test {
 protected:
  void SetUp() override {
    if (Xgboost::load()) return;
    std::cerr << "SKIPPED LOUDLY: libxgboost is not installed; no trees were grown\n";
    GTEST_SKIP() << "libxgboost is not installed";
  }
};

TEST_F(Trees, TellWhatTwoColumnsDoTogether) {
  for (const std::size_t classes : {2U, 3U}) {
    const Signs data = signs(1500, classes, 3);
    const auto told = out_of_fold_trees(data.features, data.classes);
    ASSERT_TRUE(told) << told.error().message;
    ASSERT_EQ(told->rows(), 1500U);
    std::size_t right = 0;
    for (std::size_t r = 0; r < told->rows(); ++r) {
      const std::span<const double> row = told->row(r);
      double sum = 0;
      for (const double p : row) sum += p;
      EXPECT_NEAR(sum, 1, 1e-5);
      right += std::ranges::max_element(row) - row.begin() == data.classes.of_row[r] ? 1 : 0;
    }
    EXPECT_GT(right, 1350U) << classes << " classes";
  }
}

TEST_F(Trees, GiveTheSameAnswerOnAnyNumberOfThreads) {
  const Signs data = signs(400, 3, 5);
  const auto one = out_of_fold_trees(data.features, data.classes, {.threads = 1});
  ASSERT_TRUE(one);
  for (int again = 0; again < 3; ++again) {
    const auto many = out_of_fold_trees(data.features, data.classes, {.threads = 4});
    ASSERT_TRUE(many);
    EXPECT_EQ(one->values, many->values);
  }
  const auto other = out_of_fold_trees(data.features, data.classes, {.seed = 2});
  ASSERT_TRUE(other);
  EXPECT_NE(one->values, other->values);
}

TEST_F(Trees, RefuseWhatWouldTakeTooLongAndWhatHasNoClasses) {
  const Signs data = signs(100, 2, 5);
  const auto dear = out_of_fold_trees(data.features, data.classes, {.work_max = 100 * 5 * 19.0});
  ASSERT_FALSE(dear);
  EXPECT_EQ(dear.error().kind, ErrorKind::kLimit);
  EXPECT_TRUE(out_of_fold_trees(data.features, data.classes, {.work_max = 100 * 5 * 20.0}));
  Classes one = data.classes;
  one.names = {"0"};
  one.of_row.assign(100, 0);
  EXPECT_FALSE(out_of_fold_trees(data.features, one));
  Classes few{.names = {"0", "1"}, .of_row = {0, 1}};
  EXPECT_FALSE(out_of_fold_trees(data.features.pick_rows(std::vector<std::size_t>{0, 1}), few));
}

// A value that is missing is no obstacle.
TEST_F(Trees, TakeMissingValues) {
  Signs data = signs(600, 2, 9);
  for (std::size_t r = 0; r < 600; r += 7) data.features.row(r)[0] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_TRUE(out_of_fold_trees(data.features, data.classes));
}

}  // namespace
}  // namespace sallyport::learn
