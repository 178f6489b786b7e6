// Every drill, with all the trials that it asks for: the attack harms, the defence refuses it, its honest
// twin passes.
#include <gtest/gtest.h>

#include "drills/runner.h"

namespace sallyport::drills {
void PrintTo(const DrillEntry& entry, std::ostream* out) { *out << entry.id; }
namespace {

class EveryDrill : public testing::TestWithParam<DrillEntry> {};

TEST_P(EveryDrill, Holds) {
  const DrillReport report = run_drill(GetParam());
  EXPECT_EQ(report.error, "");
  EXPECT_TRUE(report.undefended_harm()) << report.harmed << " of " << report.trials << "; " << report.miss;
  EXPECT_TRUE(report.defended_refused()) << report.refused << " of " << report.trials << "; " << report.miss;
  EXPECT_TRUE(report.twin_passes()) << report.refused_honest << " refused, " << report.harmed_honest
                                    << " harmed; " << report.miss;
  EXPECT_FALSE(report.why.empty()) << "a refusal without a reason";
}

// A drill that promises nothing cannot fail.
TEST_P(EveryDrill, PromisesSomething) {
  const Drill& drill = *GetParam().drill;
  EXPECT_GE(drill.trials, 1);
  EXPECT_GT(drill.harm_at_least, 0.5);
  EXPECT_GT(drill.rate_at_least, 0.5);
  EXPECT_LT(drill.false_positive_at_most, 0.5);
  EXPECT_FALSE(drill.story.empty());
  EXPECT_FALSE(drill.honest_story.empty());
}

std::string entry_name(const testing::TestParamInfo<DrillEntry>& info) { return std::string(info.param.id); }

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(EveryDrill);
INSTANTIATE_TEST_SUITE_P(Drills, EveryDrill, testing::ValuesIn(drills().begin(), drills().end()), entry_name);

}  // namespace
}  // namespace sallyport::drills
