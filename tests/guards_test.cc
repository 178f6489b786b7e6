// Every guard on its own samples, and every guard's record by the rules of CONTRIBUTING.md.
#include <gtest/gtest.h>

#include <set>

#include "catalog/coverage.h"
#include "drills/samples.h"
#include "tests/paths.h"

namespace sallyport {
namespace catalog {
void PrintTo(const GuardEntry& entry, std::ostream* out) { *out << entry.id; }
}  // namespace catalog
namespace {

const std::filesystem::path kRoot = tests::source_dir();

class EveryGuard : public testing::TestWithParam<catalog::GuardEntry> {
 protected:
  const Guard& guard() const { return *GetParam().guard; }
  std::filesystem::path samples() const { return kRoot / GetParam().folder / "testdata" / GetParam().id; }
};

TEST_P(EveryGuard, FindsWhatIsCaughtAndIsSilentOnWhatIsClean) {
  const drills::SampleReport report = drills::check_samples(guard(), samples());
  for (const std::string& failure : report.failures) ADD_FAILURE() << samples().string() << ": " << failure;
  EXPECT_GT(report.caught, 0u);
  EXPECT_GT(report.clean, 0u);
}

class EveryDatasetGuard : public EveryGuard {};

// A fold gives the same findings on one core, on all cores and on a cluster.
TEST_P(EveryDatasetGuard, FindsTheSameHoweverItsRowsAreSharded) {
  const Parameters parameters(guard().parameters);
  const auto text = [](const Result<Examination>& examination) -> std::string {
    if (!examination) return "error";
    Json out = Json::array();
    for (const Finding& finding : examination->findings) out.push_back(to_json(finding));
    return canonical(out);
  };
  for (const char* part : {"caught", "clean"}) {
    const auto loaded = drills::load_samples(samples() / part, guard());
    ASSERT_TRUE(loaded) << loaded.error().message;
    for (const drills::Sample& sample : *loaded) {
      for (const auto& [name, subject] : sample.subjects.datasets) {
        const std::string whole = text(run_fold(guard().dataset, subject, parameters, 1));
        for (const std::size_t shards : {2U, 7U}) {
          EXPECT_EQ(text(run_fold(guard().dataset, subject, parameters, shards)), whole)
              << name << ", " << shards;
        }
      }
    }
  }
}

TEST_P(EveryGuard, SaysWhatItIs) {
  EXPECT_EQ(guard().id, GetParam().id) << "the record and its line in guards.def disagree";
  EXPECT_FALSE(guard().summary.empty());
  EXPECT_FALSE(guard().looks_for.empty());
  EXPECT_GE(guard().version, 1);
  for (const std::string_view text : {guard().summary, guard().looks_for}) {
    EXPECT_FALSE(text.ends_with('.')) << text;
    EXPECT_EQ(text.find("clean"), std::string_view::npos) << "say what was looked for, never clean: " << text;
  }
  std::set<std::string_view> names;
  for (const Parameter& parameter : guard().parameters) {
    EXPECT_TRUE(names.insert(parameter.name).second) << parameter.name << " is declared twice";
    EXPECT_FALSE(parameter.meaning.empty()) << parameter.name;
  }
}

TEST_P(EveryGuard, HasAHook) {
  const Guard& g = guard();
  EXPECT_TRUE(g.file || g.dataset.judge || g.repository || g.step || g.promotion || g.request || g.response ||
              g.event);
  EXPECT_EQ(g.dataset.judge == nullptr, g.dataset.summarise == nullptr);
  EXPECT_EQ(g.dataset.judge == nullptr, g.dataset.merge == nullptr);
}

std::string entry_name(const testing::TestParamInfo<catalog::GuardEntry>& info) {
  return std::string(info.param.id);
}

std::vector<catalog::GuardEntry> dataset_guards() {
  std::vector<catalog::GuardEntry> out;
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    if (entry.guard->dataset.judge != nullptr) out.push_back(entry);
  }
  return out;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryGuard);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryDatasetGuard);
INSTANTIATE_TEST_SUITE_P(Guards, EveryGuard,
                         testing::ValuesIn(catalog::guards().begin(), catalog::guards().end()), entry_name);
INSTANTIATE_TEST_SUITE_P(Guards, EveryDatasetGuard, testing::ValuesIn(dataset_guards()), entry_name);

}  // namespace
}  // namespace sallyport
