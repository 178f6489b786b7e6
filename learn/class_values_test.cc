// l and t of a table seen part by part are those of the whole table, and memory stays where it is told to.
#include "learn/class_values.h"

#include <gtest/gtest.h>

#include <cmath>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

Dataset people(std::size_t rows, std::uint64_t ages, bool numeric, std::uint64_t seed) {
  Random random(seed);
  Dataset out{.columns = {{.name = "age"}, {.name = "kept", .numeric = numeric}}};
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint64_t age = random.below(ages);
    out.columns[0].numbers.push_back(static_cast<double>(age));
    const std::uint64_t value = random.below(20) + (age % 3 == 0 ? 15 : 0);
    if (numeric) {
      out.columns[1].numbers.push_back(value == 4 ? NAN : static_cast<double>(value));
    } else {
      out.columns[1].texts.push_back("v" + std::to_string(value));
    }
  }
  return out;
}

ClassValues seen(const Dataset& data, std::size_t parts, std::size_t bytes) {
  ClassValues out(bytes);
  for (std::size_t part = 0; part < parts; ++part) {
    std::vector<std::size_t> rows;
    for (std::size_t r = part * data.rows() / parts; r < (part + 1) * data.rows() / parts; ++r)
      rows.push_back(r);
    const Dataset some = data.pick(rows);
    out.add(row_digests({.columns = {some.columns[0]}}, TextForm::kVerbatim), some.columns[1]);
  }
  return out;
}

TEST(ClassValuesInParts, AreThoseOfTheWhole) {
  for (const bool numeric : {false, true}) {
    for (const std::size_t rows : {1U, 7U, 3000U}) {
      const Dataset data = people(rows, 40, numeric, rows);
      const std::vector<std::size_t> quasi{0};
      const Closeness whole = closeness_of(data, equivalence_classes(data, quasi), 1);
      for (const std::size_t parts : {1U, 6U}) {
        const ClassValues values = seen(data, parts, 1 << 20);
        EXPECT_EQ(values.share(), 1);
        EXPECT_EQ(values.closeness().l, whole.l) << rows << " rows, numbers " << numeric;
        EXPECT_NEAR(values.closeness().t, whole.t, 1e-9) << rows << " rows, numbers " << numeric;
      }
    }
  }
}

TEST(ClassValuesInParts, ForgetHalfOfTheClassesAndSaySo) {
  const Dataset data = people(20'000, 5000, false, 3);
  const ClassValues all = seen(data, 4, 64 << 20);
  const ClassValues some = seen(data, 4, 200'000);
  EXPECT_EQ(all.share(), 1);
  EXPECT_LT(some.share(), 1);
  EXPECT_GT(some.share(), 0);
  EXPECT_GE(some.closeness().l, all.closeness().l);
  EXPECT_LE(some.closeness().t, all.closeness().t);
  EXPECT_EQ(seen(people(20'000, 10, true, 4), 2, 1000).share(), 0) << "the values alone are too many";
  EXPECT_EQ(ClassValues(1000).closeness().l, 0U);
}

}  // namespace
}  // namespace sallyport::learn
