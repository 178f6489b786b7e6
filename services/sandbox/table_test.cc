// Every way out that works on this machine without the sandbox is blocked inside, and the attestation says
// so.
#include "services/sandbox/testdata/table.h"

#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

TEST(Table, WhatWorksOutsideIsBlockedInsideAndAttested) {
  const Result<std::vector<Trial>> trials = try_all();
  ASSERT_TRUE(trials) << trials.error().message;
  std::size_t proven = 0;
  for (const Trial& trial : *trials) {
    EXPECT_TRUE(trial.blocked) << trial.name << ": " << trial.tries << ": " << trial.inside;
    EXPECT_TRUE(trial.attested) << trial.name << ": not " << trial.attested_as;
    proven += trial.possible ? 1 : 0;
    if (!trial.possible) {
      std::fprintf(stderr, "cannot be tried here: %s: %s\n", std::string(trial.name).c_str(),
                   trial.outside.c_str());
    }
  }
  // An ordinary user can do less outside too.
  EXPECT_GE(proven, ::geteuid() == 0 ? 45U : 25U);
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
