// Copies that can be told apart, and who is named by what is left of one.
#include "learn/recipient_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "core/digest.h"
#include "core/env.h"
#include "formats/csv.h"
#include "learn/random.h"
#include "tests/paths.h"

namespace sallyport::learn {
namespace {

const std::vector<std::string> kAll{"acme", "birch", "cobalt"};
constexpr std::string_view kRelease = "r1";

Bytes key_of(int number) { return to_bytes(sha256("key " + std::to_string(number)).hex()); }

// 1,797 images of 8 x 8 pixels.
const Dataset& original() {
  static const Dataset table =
      formats::csv::parse(
          system_env().read_file(fs::path(tests::source_dir()) / "tests/data/digits.csv").value(),
          {.name = "digits", .roles = {.label = "digit", .id = "id"}})
          .value();
  return table;
}

Dataset part_of(const Dataset& table, double share, std::uint64_t seed) {
  Random random(seed);
  return table.pick(
      random.sample(table.rows(), static_cast<std::size_t>(share * static_cast<double>(table.rows()))));
}

// As a thief would publish it.
Dataset laundered(const Dataset& copy, double share, std::uint64_t seed) {
  Dataset out = part_of(copy, share, seed);
  std::erase_if(out.columns, [](const Column& column) { return column.name == "id"; });
  Random random(seed);
  for (Column& column : out.columns) {
    if (column.name == "digit") continue;
    const auto [low, high] = std::ranges::minmax(copy.find(column.name)->numbers);
    for (double& pixel : column.numbers) pixel += 0.05 * (high - low) * random.normal();
  }
  out.roles = {};
  std::ranges::reverse(out.columns);
  return out;
}

Dataset copy_of(const Dataset& table, const std::string& recipient, const std::string& release = "r1",
                int key = 0) {
  return copy_for(table, key_of(key), {.release = release, .recipient = recipient}).value();
}

std::vector<std::string> named_in(const Dataset& suspect,
                                  const TraceOptions& options = {.chance_rows = 4000}) {
  std::vector<std::string> out;
  const Traced traced = trace_copy(original(), suspect, key_of(0), kRelease, kAll, options).value();
  for (const RecipientTrace& one : traced.recipients) {
    if (one.named) out.push_back(one.recipient);
  }
  return out;
}

TEST(RecipientRows, a_copy_is_the_table_with_rows_among_it_that_the_table_has_not) {
  const Dataset table = original();
  const Dataset copy = copy_of(table, "acme");
  ASSERT_EQ(copy.rows(), table.rows() + 64);
  const std::vector<std::string> ids = table.ids();
  const std::vector<std::string> copied = copy.ids();
  const std::set<std::string> unique(copied.begin(), copied.end());
  EXPECT_EQ(unique.size(), copied.size()) << "no name stands twice";
  std::size_t at = 0;
  for (std::size_t row = 0; row < copy.rows() && at < ids.size(); ++row) at += copied[row] == ids[at];
  EXPECT_EQ(at, ids.size()) << "every row of the table, in its order";
  const auto text = [](const Dataset& data) { return formats::csv::write(data).value(); };
  EXPECT_EQ(text(copy), text(copy_of(table, "acme")));
  EXPECT_NE(text(copy), text(copy_of(table, "birch")));
  EXPECT_NE(text(copy), text(copy_of(table, "acme", "r2")));
  EXPECT_NE(text(copy), text(copy_of(table, "acme", "r1", 1)));
}

TEST(RecipientRows, what_is_left_of_a_copy_names_its_recipient_and_nobody_else) {
  const Dataset copy = copy_of(original(), "birch");
  EXPECT_EQ(named_in(copy), std::vector<std::string>{"birch"});
  for (const double share : {0.25, 0.5, 1.0}) {
    EXPECT_EQ(named_in(laundered(copy, share, 7)), std::vector<std::string>{"birch"}) << share;
  }
  // Of two copies that were thrown together both are named.
  Dataset both = copy;
  const Dataset other = copy_of(original(), "cobalt");
  for (std::size_t i = 0; i < both.columns.size(); ++i) {
    Column& to = both.columns[i];
    const Column& from = other.columns[i];
    to.numbers.insert(to.numbers.end(), from.numbers.begin(), from.numbers.end());
    to.texts.insert(to.texts.end(), from.texts.begin(), from.texts.end());
  }
  EXPECT_EQ(named_in(both), (std::vector<std::string>{"birch", "cobalt"}));
}

TEST(RecipientRows, a_table_that_is_nobodys_copy_names_nobody) {
  EXPECT_TRUE(named_in(original()).empty()) << "the original itself";
  EXPECT_TRUE(named_in(laundered(part_of(original(), 0.5, 3), 1, 3)).empty()) << "half of it, blurred";
  EXPECT_TRUE(named_in(copy_of(original(), "dune")).empty())
      << "the copy of somebody who was not asked about";
  EXPECT_TRUE(named_in(copy_of(original(), "birch", "r2")).empty()) << "a copy of another release";
  EXPECT_TRUE(named_in(copy_of(original(), "birch", "r1", 1)).empty()) << "a copy under another key";
  const auto none = trace_copy(original(), Dataset{.columns = {{.name = "other", .numbers = {1, 2}}}},
                               key_of(0), kRelease, kAll);
  EXPECT_FALSE(none) << "no column in common";
}

// A table of so few values that rows of a recipient's stand in others by chance all the time.
Dataset coarse(std::size_t rows, std::uint64_t seed) {
  Random random(seed);
  Dataset out;
  for (int c = 0; c < 4; ++c) {
    Column column{.name = "c" + std::to_string(c), .numeric = false};
    for (std::size_t row = 0; row < rows; ++row) column.texts.push_back(std::to_string(random.below(6)));
    out.columns.push_back(std::move(column));
  }
  return out;
}

TEST(RecipientRows, an_innocent_is_named_as_rarely_as_was_asked_for) {
  const Dataset table = coarse(400, 1);
  const Dataset suspect = coarse(600, 2);
  constexpr int kTables = 200;
  constexpr double kAlpha = 0.05;
  const std::vector<std::string> one{"acme"};
  int named = 0;
  std::size_t found = 0;
  for (int i = 0; i < kTables; ++i) {
    const Traced traced = trace_copy(table, suspect, key_of(i), kRelease, one,
                                     {.rows = 30, .alpha = kAlpha, .chance_rows = 300})
                              .value();
    named += traced.recipients[0].named;
    found += traced.recipients[0].found;
  }
  EXPECT_GT(found, 30U * kTables / 5) << "or nothing is found by chance, and the test tests nothing";
  const double sigma = std::sqrt(kTables * kAlpha * (1 - kAlpha));
  EXPECT_LE(named, kTables * kAlpha + 3 * sigma);
  EXPECT_GT(named, 0) << "an exact test at 5 % is wrong now and then";
}

TEST(RecipientRows, tables_that_can_carry_no_rows_of_their_own_are_refused) {
  EXPECT_FALSE(copy_for(part_of(original(), 0.1, 1), key_of(0), {.release = "r", .recipient = "a"}))
      << "64 of 179 rows";
  Dataset alike = coarse(1000, 1);
  for (Column& column : alike.columns) column.texts.assign(1000, "same");
  EXPECT_FALSE(copy_for(alike, key_of(0), {.release = "r", .recipient = "a"}));
  EXPECT_FALSE(copy_for(Dataset{}, key_of(0), {.release = "r", .recipient = "a"}));
}

}  // namespace
}  // namespace sallyport::learn
