// The doctor says of each mechanism that is taken away what still holds and what to do, and of nothing else.
#include "services/sandbox/doctor.h"

#include <set>

#include "services/sandbox/testdata/fixture.h"
#include "tests/paths.h"

namespace sallyport::services::sandbox::testing {
namespace {

std::set<std::string> not_present(const std::vector<Fact>& facts) {
  std::set<std::string> names;
  for (const Fact& fact : facts) {
    if (fact.standing != Standing::kPresent) names.insert(fact.name);
  }
  return names;
}

TEST(Doctor, FindsWhatIsTakenAway) {
  const std::set<std::string> before = not_present(examine(tests::build_dir()));
  EXPECT_FALSE(before.contains("sandbox"));
  const std::vector<std::pair<detail::Without, std::set<std::string>>> losses{
      {{.landlock = true}, {"landlock", "execution allow-list"}},
      {{.cgroups = true}, {"cgroup cpu", "cgroup memory", "cgroup pids"}},
      {{.notification = true}, {"seccomp notification", "execution allow-list"}},
      {{.new_code_control = true}, {"new code control"}},
  };
  for (const auto& [without, expected] : losses) {
    std::set<std::string> lost = expected;
    lost.insert(before.begin(), before.end());
    const std::vector<Fact> facts = detail::examine_without(tests::build_dir(), without);
    EXPECT_EQ(not_present(facts), lost);
    for (const Fact& fact : facts) {
      EXPECT_FALSE(fact.detail.empty()) << fact.name;
      EXPECT_EQ(fact.holds.empty(), fact.standing == Standing::kPresent) << fact.name;
      EXPECT_EQ(fact.remedy.empty(), fact.standing == Standing::kPresent) << fact.name;
    }
  }
}

TEST(Doctor, MissesWorkersThatAreNotThere) {
  const Folder folder;
  const std::set<std::string> lacking = not_present(examine(folder.root()));
  for (const char* name : {"worker openvino", "worker torch", "worker duckdb"}) {
    EXPECT_TRUE(lacking.contains(name)) << name;
  }
  EXPECT_EQ(to_json(examine(folder.root())).size(), examine(folder.root()).size());
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
