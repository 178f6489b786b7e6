// Each verdict says how much it would find and how often it is wrong, or why that is not known; and checks
// say how far they are.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>

#include "core/json.h"
#include "learn/random.h"
#include "services/data_check/check.h"
#include "services/data_check/personal_trials.h"

namespace sallyport::services::data_check {
namespace {

namespace fs = std::filesystem;

// Two clouds with a text that goes with neither; `rows` of them.
Dataset table(std::size_t rows, std::uint64_t seed) {
  learn::Random random(seed);
  Dataset out{.name = "table", .roles = {.label = "kind", .id = "id"}};
  for (const char* name : {"a", "b", "c"}) out.columns.push_back({.name = name});
  for (const char* name : {"id", "note", "kind"}) out.columns.push_back({.name = name, .numeric = false});
  constexpr const char* kWords[] = {"river", "stone", "cloud", "field", "house", "train", "paper", "light"};
  for (std::size_t r = 0; r < rows; ++r) {
    const std::uint64_t of = random.below(2);
    for (std::size_t j = 0; j < 3; ++j)
      out.columns[j].numbers.push_back(random.normal() + (of == 1 ? 4.0 : 0.0));
    out.columns[3].texts.push_back("r" + std::to_string(r));
    std::string note;
    for (int word = 0; word < 9; ++word) note += std::string(kWords[random.below(8)]) + " ";
    out.columns[4].texts.push_back(note + std::to_string(random.below(1000)));
    out.columns[5].texts.push_back(of == 1 ? "x" : "y");
  }
  return out;
}

void expect_figures(const CheckReport& report, const std::string& what) {
  for (const CheckVerdict& verdict : report.verdicts) {
    const bool all = verdict.power && verdict.false_positive_rate;
    EXPECT_NE(all, !verdict.unmeasured.empty()) << what << ": " << verdict.guard;
    EXPECT_TRUE(!verdict.power || !verdict.effect.empty()) << what << ": " << verdict.guard;
    if (verdict.verdict == Verdict::kCannotTell) continue;
    EXPECT_TRUE(verdict.n && verdict.rate && verdict.low && verdict.high) << what << ": " << verdict.guard;
    EXPECT_NE(verdict.looks_for, "") << what << ": " << verdict.guard;
  }
}

TEST(DataCheckFigures, AreNumbersOrSayWhyTheyAreNot) {
  const Dataset large = table(400, 1);
  const Dataset other = table(400, 2);
  const Dataset small = table(3, 3);
  for (const Dataset* data : {&large, &small}) {
    const std::string what = std::to_string(data->rows()) + " rows";
    const auto alone = check(*data, {.quasi_identifiers = {"a"}, .sensitive = "b", .threads = 1});
    ASSERT_TRUE(alone) << alone.error().message;
    expect_figures(*alone, what);
    for (const Relation relation :
         {Relation::kTraining, Relation::kBefore, Relation::kWhole, Relation::kAnchor}) {
      const auto beside = check(*data, {.reference = &other, .relation = relation, .threads = 1});
      ASSERT_TRUE(beside) << beside.error().message;
      expect_figures(*beside, what + ", relation " + std::to_string(static_cast<int>(relation)));
    }
  }
}

TEST(DataCheckFigures, OfWordsAndPersonalDataAreMeasuredOnTheTable) {
  const auto report = check(table(2000, 4), {.threads = 1});
  ASSERT_TRUE(report) << report.error().message;
  std::size_t seen = 0;
  for (const CheckVerdict& verdict : report->verdicts) {
    if (verdict.guard != "trigger_words" && verdict.guard != "personal_data") continue;
    ++seen;
    ASSERT_TRUE(verdict.power && verdict.false_positive_rate) << verdict.guard << verdict.unmeasured;
    // A made-up word outweighs these few words, so that its texts vouch for one another: that is measured
    // too.
    if (verdict.guard == "personal_data") {
      EXPECT_GE(*verdict.power, 0.9);
    }
    EXPECT_LE(*verdict.false_positive_rate, 0.05) << verdict.guard;
    EXPECT_GT(verdict.power_n.value_or(0), 0U);
    EXPECT_GT(verdict.false_positive_n.value_or(0), 0U);
  }
  EXPECT_EQ(seen, 2U);
}

// Long numbers pass a checksum by chance, and the rate says so.
TEST(DataCheckFigures, OfPersonalDataSuspectNumbersThatLookLikeIt) {
  const std::vector<std::string> plain(300, "a walk along the river in May");
  const PersonalTrials calm = personal_trials(plain, 1);
  EXPECT_EQ(calm.planted, 300U);
  EXPECT_GE(calm.found, 295U);
  EXPECT_EQ(calm.alarms, 0U);
  const std::vector<std::string> orders(300, "order 4111111111111112 is on its way");
  EXPECT_GT(personal_trials(orders, 1).alarms, 10U);
  EXPECT_EQ(personal_trials({}, 1).planted, 0U);
}

TEST(DataCheckFigures, LabelsSayHowFarTheyAre) {
  std::atomic<int> told = 0;
  std::atomic<double> last = 0;
  CheckOptions options{.threads = 1};
  options.on_share = [&](double share) {
    ++told;
    EXPECT_GE(share, 0);
    EXPECT_LE(share, 1.0001);
    last = share;
  };
  ASSERT_TRUE(check(table(2000, 5), options));
  EXPECT_GT(told, 10);
  EXPECT_NEAR(last, 1, 1e-9);
}

// What needed the whole table in memory once: l, t and the rows that a join links.
TEST(DataCheckFigures, OfClassesAreTheSameWhenATableIsReadThrough) {
  const fs::path folder = fs::temp_directory_path() / ("sallyport-figures-" + std::to_string(::getpid()));
  fs::create_directories(folder);
  constexpr std::size_t kRows = 30'000;
  learn::Random random(6);
  std::ofstream large(folder / "large.csv");
  std::ofstream outside(folder / "outside.csv");
  large << "age,town,illness";
  for (int j = 0; j < 40; ++j) large << ",c" << j;
  large << "\n";
  outside << "town,age\n";
  for (std::size_t r = 0; r < kRows; ++r) {
    const std::uint64_t age = random.below(30);
    const std::uint64_t town = random.below(100);
    large << age << ",t" << town << ",i" << random.below(6);
    for (int j = 0; j < 40; ++j) large << "," << random.below(100'000);
    large << "\n";
    if (r % 100 == 0) outside << "t" << town << "," << age << "\n";
  }
  large.close();
  outside.close();
  std::vector<std::vector<std::string>> said;
  for (const std::size_t memory : {limits::kDataMemoryBytes, limits::kDataMemoryBytesMin}) {
    auto one = Table::open({.paths = {folder / "large.csv"}}, memory);
    auto reference = Table::open({.paths = {folder / "outside.csv"}}, memory);
    ASSERT_TRUE(one && reference);
    const auto read = check(
        *one, &*reference,
        {.quasi_identifiers = {"age", "town"}, .sensitive = "illness", .threads = 1, .memory_bytes = memory});
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(read->report.sampled > 0, memory == limits::kDataMemoryBytesMin);
    for (const CheckVerdict& verdict : read->report.verdicts) {
      if (verdict.guard == "anonymity") said.push_back(verdict.findings);
    }
  }
  fs::remove_all(folder);
  ASSERT_EQ(said.size(), 2U);
  ASSERT_GE(said[0].size(), 3U);
  EXPECT_TRUE(said[0][1].starts_with("l ")) << said[0][1];
  // The read-through one also says that not all rows are listed.
  for (const std::string& line : {said[0][0], said[0][1], said[0][2]})
    EXPECT_NE(std::ranges::find(said[1], line), said[1].end()) << line;
}

}  // namespace
}  // namespace sallyport::services::data_check
