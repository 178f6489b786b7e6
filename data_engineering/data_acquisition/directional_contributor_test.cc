#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <set>

#include "core/guard.h"
#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/statistics.h"

namespace sallyport::data_engineering::data_acquisition {

extern const Guard directional_contributor;
extern const drills::Drill directional_contributor_drill;

namespace {

constexpr const char* kPoisoner = "c05";
constexpr std::size_t kContributors = 12;

struct Verdict {
  std::set<std::string> quarantined;
  std::set<std::size_t> rows;
};

Verdict examine(const Dataset& data) {
  const auto examination = run_fold(directional_contributor.dataset, {.data = &data},
                                    Parameters(directional_contributor.parameters));
  Verdict out;
  EXPECT_TRUE(examination.has_value());
  if (!examination) return out;
  for (const Finding& finding : examination->findings) {
    if (finding.severity < Severity::kHigh) continue;
    if (finding.where.row) {
      out.rows.insert(*finding.where.row);
    } else {
      out.quarantined.insert(finding.message.substr(std::string("contributor ").size(), 3));
    }
  }
  return out;
}

Dataset corpus(Result<void> (*make)(drills::World&), std::uint64_t seed) {
  drills::World world("unused", seed);
  EXPECT_TRUE(make(world));
  const auto subjects = directional_contributor_drill.present(world);
  EXPECT_TRUE(subjects);
  return *subjects->datasets.front().second.data;
}

void print(const char* what, std::uint64_t count, std::uint64_t of) {
  const learn::Interval interval = learn::clopper_pearson(count, of);
  std::printf("  %s: %.4f [%.4f, %.4f], n = %llu\n", what,
              static_cast<double>(count) / static_cast<double>(of), interval.low, interval.high,
              static_cast<unsigned long long>(of));
}

// Rows whose label differs from the table's, of the poisoner, from 3 to 8: those that he changed (or the
// noise did).
std::set<std::size_t> flipped_rows(const Dataset& data) {
  const auto truth = drills::digits().labels();
  const auto given = data.labels();
  std::set<std::size_t> out;
  for (std::size_t row = 0; row < data.rows(); ++row) {
    const bool his = data.find("contributor")->texts[row] == kPoisoner;
    if (his && (*truth)[row] == "3" && (*given)[row] == "8") out.insert(row);
  }
  return out;
}

TEST(directional_contributor, quarantines_the_poisoner_and_nobody_else) {
  constexpr std::uint64_t kSeeds = 20;
  std::uint64_t caught = 0;
  std::uint64_t wrong = 0;
  double area = 0;
  for (std::uint64_t seed = 101; seed < 101 + kSeeds; ++seed) {
    const Dataset data = corpus(directional_contributor_drill.attack, seed);
    const Verdict verdict = examine(data);
    caught += verdict.quarantined.count(kPoisoner);
    wrong += verdict.quarantined.size() - verdict.quarantined.count(kPoisoner);
    std::vector<double> bad;
    std::vector<double> clean;
    const std::set<std::size_t> flipped = flipped_rows(data);
    for (std::size_t row = 0; row < data.rows(); ++row) {
      (flipped.contains(row) ? bad : clean).push_back(verdict.rows.contains(row) ? 1 : 0);
    }
    area += learn::area_under_roc(bad, clean) / kSeeds;
  }
  print("poisoner quarantined", caught, kSeeds);
  print("others quarantined beside him", wrong, kSeeds * (kContributors - 1));
  std::printf("  rows, area under the ROC: %.4f\n", area);
  EXPECT_EQ(caught, kSeeds);
  EXPECT_EQ(wrong, 0U);
  EXPECT_GT(area, 0.95);
}

TEST(directional_contributor, leaves_odd_but_honest_contributors_alone) {
  constexpr std::uint64_t kSeeds = 40;
  std::uint64_t wrong = 0;
  for (std::uint64_t seed = 201; seed < 201 + kSeeds; ++seed) {
    wrong += examine(corpus(directional_contributor_drill.honest, seed)).quarantined.size();
  }
  print("honest contributors quarantined", wrong, kSeeds * kContributors);
  EXPECT_LE(static_cast<double>(wrong), 0.01 * static_cast<double>(kSeeds * kContributors));
}

TEST(directional_contributor, says_how_many_flips_it_takes) {
  constexpr std::uint64_t kSeeds = 10;
  constexpr std::size_t kFlipsMax = 8;
  std::array<std::uint64_t, kFlipsMax + 1> caught{};
  for (std::uint64_t seed = 301; seed < 301 + kSeeds; ++seed) {
    Dataset data = corpus(directional_contributor_drill.honest, seed);
    const auto labels = data.labels();
    std::size_t flips = 0;
    for (std::size_t row = 0; row < data.rows() && flips < kFlipsMax; ++row) {
      if ((*labels)[row] != "3" || data.find("contributor")->texts[row] != kPoisoner) continue;
      drills::set_label(data, row, "8");
      caught[++flips] += examine(data).quarantined.count(kPoisoner);
    }
    EXPECT_EQ(flips, kFlipsMax);
  }
  std::size_t smallest = kFlipsMax + 1;
  for (std::size_t flips = kFlipsMax; flips > 0; --flips) {
    if (2 * caught[flips] >= kSeeds) smallest = flips;
  }
  for (std::size_t flips = 1; flips <= kFlipsMax; ++flips) {
    print(("quarantined at " + std::to_string(flips) + " flips").c_str(), caught[flips], kSeeds);
  }
  std::printf("  flips at which half of the poisoners are caught: %zu\n", smallest);
  EXPECT_EQ(caught[1], 0U);
  EXPECT_LE(smallest, 5U);
}

TEST(directional_contributor, caps_the_share_of_a_class) {
  Dataset data = corpus(directional_contributor_drill.honest, 1);
  const auto labels = data.labels();
  for (Column& column : data.columns) {
    if (column.name != "contributor") continue;
    for (std::size_t row = 0; row < data.rows(); ++row) {
      if ((*labels)[row] == "6" && row % 10 < 7) column.texts[row] = "c01";
    }
  }
  const auto examination = run_fold(directional_contributor.dataset, {.data = &data},
                                    Parameters(directional_contributor.parameters));
  ASSERT_TRUE(examination);
  ASSERT_EQ(examination->findings.size(), 1U);
  EXPECT_EQ(examination->findings.front().severity, Severity::kMedium);
  EXPECT_TRUE(examination->findings.front().message.starts_with("contributor c01 supplies"));
}

TEST(directional_contributor, says_so_when_nobody_is_named) {
  const auto examination = run_fold(directional_contributor.dataset, {.data = &drills::digits()},
                                    Parameters(directional_contributor.parameters));
  ASSERT_TRUE(examination);
  ASSERT_EQ(examination->findings.size(), 1U);
  EXPECT_EQ(examination->findings.front().severity, Severity::kInfo);
}

}  // namespace
}  // namespace sallyport::data_engineering::data_acquisition
