// What is refused before anything runs, what an attestation says, and the reading of the host's control
// groups.
#include "services/sandbox/plan.h"

#include <sys/wait.h>

#include <cmath>
#include <functional>

#include "services/sandbox/cgroup.h"
#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

struct Mistake {
  std::string name;
  std::function<void(Confinement&)> make;
  std::string message;
};

class Malformed : public ::testing::TestWithParam<Mistake> {};

TEST_P(Malformed, IsAnError) {
  Folder folder;
  Confinement confinement = probe_confinement(folder, "all");
  GetParam().make(confinement);
  const Result<Outcome> outcome = run(confinement);
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find(GetParam().message), std::string::npos) << outcome.error().message;
  EXPECT_TRUE(fs::is_empty(folder.out()));
}

const std::string kZero("a\0b", 3);

INSTANTIATE_TEST_SUITE_P(
    Each, Malformed,
    ::testing::Values(
        Mistake{"no_command", [](Confinement& c) { c.command.clear(); }, "no command"},
        Mistake{"zero_byte", [](Confinement& c) { c.command.push_back(kZero); }, "zero byte"},
        Mistake{"variable_name", [](Confinement& c) { c.environment.emplace_back("A=B", "x"); }, "malformed"},
        Mistake{"variable_value", [](Confinement& c) { c.environment.emplace_back("A", kZero); },
                "malformed"},
        Mistake{"variable_twice", [](Confinement& c) { c.environment.emplace_back("PATH", "x"); },
                "given twice"},
        Mistake{"relative_place", [](Confinement& c) { c.binds[0].inside = "in"; }, "not an absolute path"},
        Mistake{"dotted_place", [](Confinement& c) { c.binds[0].inside = "/in/../usr"; }, "plain form"},
        Mistake{"root_place", [](Confinement& c) { c.binds[0].inside = "/"; }, "plain form"},
        Mistake{"proc_place", [](Confinement& c) { c.binds[0].inside = "/proc"; }, "has its own there"},
        Mistake{"device_place", [](Confinement& c) { c.binds[0].inside = "/dev/x"; }, "has its own there"},
        Mistake{"same_place", [](Confinement& c) { c.binds[0].inside = "/out"; }, "given twice"},
        Mistake{"absent_source", [](Confinement& c) { c.binds[0].host = "/nonexistent"; }, "no such file"},
        Mistake{"device_source", [](Confinement& c) { c.binds[0].host = "/dev/null"; }, "neither a folder"},
        Mistake{"system_place", [](Confinement& c) { c.binds[0].inside = "/usr/x"; },
                "cannot find the place"},
        Mistake{"link_place", [](Confinement& c) { c.binds[0].inside = "/dev-link/../x"; }, "plain form"},
        Mistake{"no_time", [](Confinement& c) { c.limits.wall_s = 0; }, "not a positive number"},
        Mistake{"endless_time", [](Confinement& c) { c.limits.cpu_s = HUGE_VAL; }, "not a positive number"},
        Mistake{"no_memory", [](Confinement& c) { c.limits.memory_bytes = 0; }, "limit of bytes"},
        Mistake{"no_processes", [](Confinement& c) { c.limits.processes = 0; }, "limit of processes"},
        Mistake{"standard_output",
                [](Confinement& c) {
                  c.inherited = {{0, 1}};
                },
                "descriptor to inherit"},
        Mistake{"descriptor_twice",
                [](Confinement& c) {
                  c.inherited = {{0, 3}, {0, 3}};
                },
                "given twice"},
        Mistake{"no_folder", [](Confinement& c) { c.cwd = "/nowhere"; }, "cannot enter /nowhere"},
        Mistake{"stream_place", [](Confinement& c) { c.stdout_file = "/nonexistent/x"; }, "cannot open"}),
    [](const auto& mistake) { return mistake.param.name; });

// A link that lies in a bind must not lead a mount elsewhere.
TEST(Plan, MountsFollowNoLink) {
  Folder folder;
  fs::create_directory_symlink("/usr", folder.in() / "link");
  Confinement confinement = probe_confinement(folder, "all");
  confinement.binds.push_back({folder.out(), "/in/link", Access::kWrite});
  EXPECT_FALSE(run(confinement));
  confinement.binds.pop_back();
  confinement.hidden = {"/in/link"};
  EXPECT_FALSE(run(confinement));
}

TEST(Plan, DigestSaysWhatTheCommandMayDo) {
  Folder folder;
  Folder elsewhere;
  const Confinement here = probe_confinement(folder, "all");
  Confinement there = here;
  for (Bind& bind : there.binds) bind.host = elsewhere.root() / fs::relative(bind.host, folder.root());
  there.stdout_file = elsewhere.root() / "stdout";
  EXPECT_EQ(digest_of(here), digest_of(there)) << "places on the host are no part of it";
  const std::vector<std::function<void(Confinement&)>> changes{
      [](Confinement& c) { c.command.emplace_back("x"); },
      [](Confinement& c) { c.environment.emplace_back("A", "1"); },
      [](Confinement& c) { c.environment.front().second = "/bin"; },
      [](Confinement& c) { c.cwd = "/"; },
      [](Confinement& c) { c.binds[0].access = Access::kWrite; },
      [](Confinement& c) { c.binds[0].inside = "/elsewhere"; },
      [](Confinement& c) { c.hidden.clear(); },
      [](Confinement& c) { c.limits.wall_s += 1; },
      [](Confinement& c) { c.limits.processes += 1; },
      [](Confinement& c) { c.new_code = NewCode::kInMemory; },
      [](Confinement& c) { c.local_sockets = LocalSockets::kAny; },
      [](Confinement& c) {
        c.inherited = {{0, 3}};
      },
  };
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Confinement changed = here;
    changes[i](changed);
    EXPECT_NE(digest_of(changed), digest_of(here)) << "change " << i;
  }
  EXPECT_EQ(to_json(here).dump().find("the secret"), std::string::npos);
}

// Four digits are guessed from any digest of theirs, so there is none.
TEST(Plan, NothingThatIsAttestedDependsOnTheValueOfASecret) {
  Folder folder;
  Confinement one = probe_confinement(folder, "all");
  one.environment.emplace_back("PIN", "1234");
  one.secrets = {"PIN"};
  Confinement other = one;
  other.environment.back().second = "9876";
  EXPECT_EQ(canonical(to_json(one)), canonical(to_json(other)));
  other.environment.back().first = "OTHER_PIN";
  other.secrets = {"OTHER_PIN"};
  EXPECT_NE(digest_of(one), digest_of(other)) << "which secrets there are is attested";
  other = one;
  other.secrets.clear();
  EXPECT_NE(digest_of(one), digest_of(other));
}

TEST(Cgroups, MixedHierarchiesAreRead) {
  const auto found = detail::parse_hierarchies(
      "30 25 0:26 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
      "31 30 0:27 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n"
      "32 30 0:28 /jobs /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory\n"
      "33 30 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n",
      "4:memory:/jobs/seven\n2:cpu,cpuacct:/\n0::/user.slice\n");
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0].own, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_EQ(found[1].own, "/sys/fs/cgroup/memory/seven");
  EXPECT_TRUE(found[2].unified);
  EXPECT_EQ(found[2].own, "/sys/fs/cgroup/unified/user.slice");
}

// A group outside what the mount shows cannot be used; lines that are not understood are passed over.
TEST(Cgroups, StrangeLinesAreIgnored) {
  EXPECT_TRUE(detail::parse_hierarchies("", "").empty());
  EXPECT_TRUE(detail::parse_hierarchies("1 2 3\nx - cgroup\n - - -\n", "::\n:\n").empty());
  EXPECT_TRUE(
      detail::parse_hierarchies("32 30 0:28 /jobs /m rw - cgroup cgroup rw,memory\n", "4:memory:/other\n")
          .empty());
}

// A caller that was killed leaves its group behind; whoever comes next takes it away.
TEST(Cgroups, LeftoversAreSwept) {
  const std::string cgroups = read_text("/proc/self/cgroup");
  fs::path own;
  for (const detail::Hierarchy& hierarchy :
       detail::parse_hierarchies(read_text("/proc/self/mountinfo"), cgroups)) {
    if (!hierarchy.unified && ::access(hierarchy.own.c_str(), W_OK) == 0) own = hierarchy.own;
  }
  if (own.empty()) GTEST_SKIP() << "no version 1 hierarchy that this user may write to";
  const pid_t gone = ::fork();
  if (gone == 0) ::_exit(0);
  ::waitpid(gone, nullptr, 0);
  const fs::path left = own / ("sallyport-" + std::to_string(gone) + "-1");
  const fs::path mine = own / ("sallyport-" + std::to_string(::getpid()) + "-keep");
  fs::create_directory(left);
  fs::create_directory(mine);
  detail::sweep(own);
  EXPECT_FALSE(fs::exists(left));
  EXPECT_TRUE(fs::exists(mine));
  ::rmdir(mine.c_str());
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
