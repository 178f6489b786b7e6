// A dataset guard is a fold: whatever way its rows are sharded and whatever order the shards are merged in,
// it finds the same and says the same of itself. Held on the samples and on what each guard's own drill
// presents.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "catalog/coverage.h"
#include "drills/registry.h"
#include "drills/samples.h"
#include "learn/random.h"
#include "tests/paths.h"

namespace sallyport {
namespace {

constexpr std::size_t kShardsMax = 7;

std::string text_of(const Result<Examination>& examination) {
  if (!examination) return "error: " + examination.error().message;
  Json findings = Json::array();
  for (const Finding& finding : examination->findings) findings.push_back(to_json(finding));
  Json statistics = Json::array();
  for (const Statistic& statistic : examination->statistics) statistics.push_back(to_json(statistic));
  return canonical(Json{{"findings", findings}, {"statistics", statistics}});
}

void add_shards(const Dataset* rows, Side side, std::size_t shards, const Fold& fold,
                const DatasetSubject& subject, const Parameters& parameters, std::vector<std::any>& parts) {
  if (rows == nullptr) return;
  for (std::size_t i = 0; i < shards; ++i) {
    const Dataset shard = rows->slice(rows->rows() * i / shards, rows->rows() * (i + 1) / shards);
    Result<std::any> part = fold.summarise(shard, side, subject.contract, parameters);
    ASSERT_TRUE(part) << part.error().message;
    parts.push_back(*std::move(part));
  }
}

// Shards of both sides, merged two at a time in an order and a grouping that the seed chooses.
std::string shuffled(const Fold& fold, const DatasetSubject& subject, const Parameters& parameters,
                     std::size_t shards, learn::Random& random) {
  std::vector<std::any> parts;
  add_shards(subject.data, Side::kData, shards, fold, subject, parameters, parts);
  add_shards(subject.reference, Side::kReference, shards, fold, subject, parameters, parts);
  while (parts.size() > 1) {
    random.shuffle(std::span(parts));
    std::any last = std::move(parts.back());
    parts.pop_back();
    parts.back() = fold.merge(std::move(parts.back()), std::move(last));
  }
  return text_of(fold.judge(parts.front(), subject.contract, parameters));
}

// What a guard keeps of rows, so small that samples have less than all of them.
constexpr std::string_view kSizes[] = {"rows_max", "entries_max", "cells_max"};

Parameters small_parameters(const Guard& guard) {
  Parameters out(guard.parameters);
  for (const Parameter& parameter : guard.parameters) {
    if (std::ranges::find(kSizes, parameter.name) == std::end(kSizes)) continue;
    EXPECT_TRUE(out.set(parameter.name, 40));
  }
  return out;
}

void expect_the_same(const Guard& guard, const std::string& name, const DatasetSubject& subject,
                     const Parameters& parameters) {
  const std::string whole = text_of(run_fold(guard.dataset, subject, parameters));
  learn::Random random(7);
  for (std::size_t shards = 1; shards <= kShardsMax; ++shards) {
    EXPECT_EQ(shuffled(guard.dataset, subject, parameters, shards, random), whole)
        << guard.id << " on " << name << " in " << shards << " shards";
  }
}

void expect_the_same(const Guard& guard, const std::string& name, const DatasetSubject& subject) {
  expect_the_same(guard, name, subject, Parameters(guard.parameters));
  expect_the_same(guard, name + ", sampled", subject, small_parameters(guard));
}

// A guard's memory must not follow the rows, so each says how many it keeps of what it keeps a piece a row
// of.
TEST(Folds, EveryDatasetGuardHasASizeAndSamplesThatTryIt) {
  std::size_t guards = 0;
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    if (entry.guard->dataset.judge == nullptr) continue;
    ++guards;
    const bool has_size = std::ranges::any_of(entry.guard->parameters, [](const Parameter& parameter) {
      return std::ranges::find(kSizes, parameter.name) != std::end(kSizes);
    });
    EXPECT_TRUE(has_size) << entry.id;
    const fs::path folder =
        fs::path(tests::source_dir()) / entry.folder / "testdata" / entry.guard->id / "caught";
    const auto samples = drills::load_samples(folder, *entry.guard);
    ASSERT_TRUE(samples) << samples.error().message;
    const bool has_data = std::ranges::any_of(
        *samples, [](const drills::Sample& sample) { return !sample.subjects.datasets.empty(); });
    EXPECT_TRUE(has_data) << entry.id;
  }
  EXPECT_GE(guards, 14U);
}

TEST(Folds, SayTheSameOfEverySampleHoweverItIsSharded) {
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    if (entry.guard->dataset.judge == nullptr) continue;
    for (const char* part : {"caught", "clean"}) {
      const fs::path folder =
          fs::path(tests::source_dir()) / entry.folder / "testdata" / entry.guard->id / part;
      const auto samples = drills::load_samples(folder, *entry.guard);
      ASSERT_TRUE(samples) << samples.error().message;
      for (const drills::Sample& sample : *samples) {
        for (const auto& [name, subject] : sample.subjects.datasets)
          expect_the_same(*entry.guard, name, subject);
      }
    }
  }
}

TEST(Folds, SayTheSameOfAnAttackHoweverItIsSharded) {
  std::size_t tried = 0;
  for (const drills::DrillEntry& entry : drills::drills()) {
    if (entry.guard == nullptr || entry.guard->dataset.judge == nullptr) continue;
    drills::World world(fs::temp_directory_path() / "sallyport-folds", 5);
    ASSERT_TRUE(entry.drill->attack(world)) << entry.id;
    const auto subjects = entry.drill->present(world);
    ASSERT_TRUE(subjects) << entry.id;
    for (const auto& [name, subject] : subjects->datasets) {
      expect_the_same(*entry.guard, name, subject);
      ++tried;
    }
  }
  EXPECT_GE(tried, 4U);
}

}  // namespace
}  // namespace sallyport
