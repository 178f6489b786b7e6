#include "services/pipeline/compute_band.h"

#include <gtest/gtest.h>

namespace sallyport::services::pipeline {
namespace {

constexpr std::string_view kStep = "sallyport: step 1 of 30";

// Runs steps that cost so much each; false as soon as the band does not hold.
bool runs(ComputeBand& band, double& cpu_s, int steps, double cost_s) {
  for (int i = 0; i < steps; ++i) {
    for (double done = 0; done < cost_s; done += 0.1) {
      cpu_s += std::min(0.1, cost_s - done);
      if (!band.holds(cpu_s)) return false;
    }
    band.line(kStep, cpu_s);
    band.line("loss 0.5", cpu_s);
  }
  return band.holds(cpu_s);
}

TEST(ComputeBand, StepsThatCostWhatTheyDoAreTaken) {
  ComputeBand band({.steps = 30});
  double cpu_s = 3;  // start-up
  for (int i = 0; i < 10; ++i) {
    EXPECT_TRUE(runs(band, cpu_s, 2, 1.0)) << band.why();
    EXPECT_TRUE(runs(band, cpu_s, 1, 1.4)) << band.why();  // a step that also validates
  }
  EXPECT_NEAR(band.usual_step_s(), 1.0, 0.2);
}

TEST(ComputeBand, WhatComputesBesideThemIsSeenWithinAWindow) {
  ComputeBand band({.steps = 30});
  double cpu_s = 0;
  ASSERT_TRUE(runs(band, cpu_s, 10, 1.0));
  const double before = cpu_s;
  EXPECT_FALSE(runs(band, cpu_s, 10, 2.0));
  EXPECT_LE(cpu_s - before, 4 * 2.0) << "stolen: " << (cpu_s - before) / 2;
  EXPECT_NE(band.why().find("each is usual"), std::string::npos) << band.why();
}

TEST(ComputeBand, NoProgressAtAllIsSeen) {
  ComputeBand band({.steps = 30});
  double cpu_s = 0;
  ASSERT_TRUE(runs(band, cpu_s, 8, 1.0));
  EXPECT_TRUE(band.holds(cpu_s + 3));
  EXPECT_FALSE(band.holds(cpu_s + 10));
}

TEST(ComputeBand, ClaimedStepsBuyNoRoom) {
  ComputeBand band({.steps = 12});
  double cpu_s = 0;
  ASSERT_TRUE(runs(band, cpu_s, 12, 1.0));
  EXPECT_FALSE(runs(band, cpu_s, 1, 0.1));
  EXPECT_NE(band.why().find("declared"), std::string::npos) << band.why();
}

TEST(ComputeBand, AnEarlierRunKnowsBetterThanABadBeginning) {
  ComputeBand alone({.steps = 30}), knowing({.steps = 30, .known_step_s = 1.0});
  double cpu_s = 0;
  EXPECT_TRUE(runs(alone, cpu_s, 12, 2.0)) << "it has nothing to compare with";
  cpu_s = 0;
  EXPECT_FALSE(runs(knowing, cpu_s, 12, 2.0));
}

}  // namespace
}  // namespace sallyport::services::pipeline
