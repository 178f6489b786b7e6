#include "drills/data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace sallyport::drills {
namespace {

std::map<std::string, std::size_t> class_counts(const Dataset& data) {
  std::map<std::string, std::size_t> counts;
  const auto labels = data.labels();
  if (!labels) return counts;
  for (const std::string& label : *labels) ++counts[label];
  return counts;
}

TEST(data, digits_are_the_uci_table) {
  const Dataset& table = digits();
  EXPECT_EQ(table.rows(), 1797u);
  EXPECT_EQ(table.feature_columns().size(), 64u);
  EXPECT_EQ(table.ids().back(), "d1797");
  const std::map<std::string, std::size_t> expected{{"0", 178}, {"1", 182}, {"2", 177}, {"3", 183},
                                                    {"4", 181}, {"5", 182}, {"6", 181}, {"7", 179},
                                                    {"8", 174}, {"9", 180}};
  EXPECT_EQ(class_counts(table), expected);
  for (const std::size_t column : table.feature_columns()) {
    const auto& numbers = table.columns[column].numbers;
    EXPECT_TRUE(std::all_of(numbers.begin(), numbers.end(), [](double v) { return v >= 0 && v <= 16; }));
  }
}

TEST(data, breast_cancer_is_the_uci_table) {
  const Dataset& table = breast_cancer();
  EXPECT_EQ(table.rows(), 569u);
  EXPECT_EQ(table.feature_columns().size(), 30u);
  const std::map<std::string, std::size_t> expected{{"B", 357}, {"M", 212}};
  EXPECT_EQ(class_counts(table), expected);
  EXPECT_DOUBLE_EQ(table.find("mean_area")->numbers.front(), 1001);
}

}  // namespace
}  // namespace sallyport::drills
