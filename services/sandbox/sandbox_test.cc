// Ways out, in and up: every attempt of the hostile program is blocked, and the same attempts work without
// the sandbox.
#include "services/sandbox/sandbox.h"

#include <grp.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <array>
#include <map>

#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

// name -> "escaped" or "blocked: …", from what `sandbox_probe all` prints.
std::map<std::string, std::string> verdicts(const std::string& output) {
  std::map<std::string, std::string> found;
  std::istringstream lines(output);
  for (std::string line; std::getline(lines, line);) {
    const std::size_t blank = line.find(' ');
    if (blank != std::string::npos) found[line.substr(0, blank)] = line.substr(blank + 1);
  }
  return found;
}

std::vector<std::string> escaped(const std::map<std::string, std::string>& found) {
  std::vector<std::string> names;
  for (const auto& [name, verdict] : found) {
    if (verdict == "escaped") names.push_back(name);
  }
  return names;
}

class Probes : public ::testing::Test {
 protected:
  Folder folder_;
  Listeners listeners_{folder_.in() / "socket"};

  Confinement all() { return with_listeners(probe_confinement(folder_, "all"), listeners_); }
  std::map<std::string, std::string> said() { return verdicts(read_text(folder_.root() / "stdout")); }
};

constexpr std::size_t kProbesAtLeast = 77;

TEST_F(Probes, AreAllBlockedAndReported) {
  const Result<Outcome> outcome = run(all());
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto found = said();
  EXPECT_GE(found.size(), kProbesAtLeast);
  EXPECT_EQ(escaped(found), std::vector<std::string>{}) << read_text(folder_.root() / "stderr");
  EXPECT_EQ(outcome->exit_status, 0);
  EXPECT_EQ(outcome->limit, Limit::kNone);
  for (const char* what : {"socket(AF_INET)",
                           "socket(AF_INET6)",
                           "socket(AF_UNIX)",
                           "socket(AF_NETLINK)",
                           "socket(AF_PACKET)",
                           "socket(AF_VSOCK)",
                           "socket(AF_ALG)",
                           "io_uring_setup",
                           "bpf",
                           "perf_event_open",
                           "userfaultfd",
                           "keyctl",
                           "add_key",
                           "kexec_load",
                           "init_module",
                           "syslog",
                           "name_to_handle_at",
                           "ptrace",
                           "process_vm_readv",
                           "unshare",
                           "setns",
                           "clone(new namespace)",
                           "mount",
                           "umount2",
                           "open_tree",
                           "chroot",
                           "sethostname",
                           "clock_settime",
                           "ioctl(TIOCSTI)",
                           "memfd_create",
                           "execveat",
                           "open /etc/shadow"}) {
    EXPECT_GE(denied(*outcome, what), 1U) << what << " was not reported";
  }
}

// The control: an attempt that fails everywhere would prove nothing. Those that need a particular kernel, a
// particular device or would harm the host are left out.
TEST_F(Probes, WorkWithoutTheSandbox) {
  const Confinement confinement = all();
  std::string command = "cd / &&";
  for (auto [name, value] : confinement.environment) {
    if (name == "PROBE_IN") value = folder_.in();
    if (name == "PROBE_OUT") value = folder_.out();
    if (name == "PROBE_HIDDEN") value = folder_.in() / ".sallyport/keys/lead.key";
    if (name == "PROBE_SOCKET") value = folder_.in() / "socket";
    command += " " + name + "='" + value + "'";
  }
  std::map<std::string, bool> worked;
  for (const char* name : {"tcp",
                           "udp",
                           "dns",
                           "netlink",
                           "abstract_socket",
                           "socket_file",
                           "trace_child",
                           "read_memory",
                           "signal_host",
                           "user_namespace",
                           "read_secret",
                           "read_secret_through_link",
                           "read_hidden",
                           "write_input",
                           "change_input",
                           "link_input",
                           "write_through_link",
                           "fifo_in_output",
                           "host_environment",
                           "writable_code",
                           "code_made_from_data",
                           "execute_output",
                           "memory_file",
                           "nameless_program"}) {
    const std::string line = command + " PROBE_HOST_ONLY=1 " + kProbe.string() + " " + name + " >/dev/null";
    const int status = std::system(line.c_str());
    worked[name] = WIFEXITED(status) && WEXITSTATUS(status) == 1;
  }
  for (const auto& [name, success] : worked) EXPECT_TRUE(success) << name << " fails without a sandbox too";
}

struct Variant {
  std::string name;
  detail::Without without;
  std::string said;                      // what the outcome must own up to
  std::vector<std::string> looser = {};  // probes that then may work, as documented
};

class Degraded : public ::testing::TestWithParam<Variant> {};

// Each mechanism is taken away in turn: what it alone held is listed, everything else holds.
TEST_P(Degraded, HoldsAndSaysWhatIsMissing) {
  if (GetParam().without.user_namespace && ::geteuid() != 0) GTEST_SKIP() << "only root can do without";
  Folder folder;
  const Listeners listeners(folder.in() / "socket");
  const Confinement confinement = with_listeners(probe_confinement(folder, "all"), listeners);
  const Result<Outcome> outcome = detail::run_without(confinement, {}, GetParam().without);
  ASSERT_TRUE(outcome) << outcome.error().message;
  const auto found = verdicts(read_text(folder.root() / "stdout"));
  EXPECT_GE(found.size(), kProbesAtLeast);
  EXPECT_EQ(escaped(found), GetParam().looser);
  const bool owned = std::any_of(outcome->degraded.begin(), outcome->degraded.end(),
                                 [](const std::string& text) { return text.starts_with(GetParam().said); });
  EXPECT_TRUE(owned) << GetParam().said;
  EXPECT_EQ(denied(*outcome, "ptrace") == 0, GetParam().without.notification);
  EXPECT_EQ(denied(*outcome, "open /etc/shadow"), 1U);
}

INSTANTIATE_TEST_SUITE_P(
    Each, Degraded,
    ::testing::Values(
        Variant{"landlock", {.landlock = true}, "landlock", {"fifo_in_output"}},
        Variant{"cgroups", {.cgroups = true}, "cgroup memory"},
        // What a loader started by hand may map is told from a notification alone.
        Variant{"notification", {.notification = true}, "seccomp notification", {"library_by_hand"}},
        Variant{"new_code_control", {.new_code_control = true}, "new code"},
        Variant{"id_mapping", {.id_mapping = true}, "id mapping"},
        Variant{"user_namespace", {.user_namespace = true}, "user namespace"},
        Variant{"all_but_namespaces",
                {.id_mapping = true,
                 .landlock = true,
                 .cgroups = true,
                 .notification = true,
                 .new_code_control = true},
                "landlock",
                {"fifo_in_output", "library_as_program", "library_by_hand"}}),
    [](const auto& variant) { return variant.param.name; });

// What the command left running must be gone when run() returns.
TEST_F(Probes, LeaveNothingRunning) {
  const Result<Outcome> outcome = run(with_listeners(probe_confinement(folder_, "daemon"), listeners_));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
  const auto size = [&] { return read_text(folder_.out() / "daemon").size(); };
  const std::size_t before = size();
  ::usleep(50'000);
  EXPECT_EQ(size(), before);
}

TEST_F(Probes, CannotUseAnotherTableOfCalls) {
#if !defined(__x86_64__)
  GTEST_SKIP() << "this architecture has one table";
#endif
  const Result<Outcome> outcome = run(probe_confinement(folder_, "foreign_calls"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->signal, SIGSYS);
}

// A descriptor that the caller forgot to mark reaches no command.
TEST_F(Probes, GetNoDescriptorOfTheCaller) {
  const detail::Fd leaked(::open((folder_.root() / "secret").c_str(), O_RDONLY));
  ASSERT_TRUE(leaked);
  const Result<Outcome> outcome = run(probe_confinement(folder_, "inherited_descriptors"));
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
}

TEST_F(Probes, GetNoVariableOfTheCaller) {
  ::setenv("PROBE_HOST_ONLY", "1", 1);
  const Result<Outcome> outcome = run(probe_confinement(folder_, "host_environment"));
  ::unsetenv("PROBE_HOST_ONLY");
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
}

// A caller without any privilege gets the same walls.
TEST_F(Probes, AreBlockedForAnOrdinaryUser) {
  if (::geteuid() != 0) GTEST_SKIP() << "the other tests ran as an ordinary user";
  constexpr unsigned kUser = 12345;
  for (const fs::path& path : {folder_.root(), folder_.in(), folder_.out()}) {
    ASSERT_EQ(::chown(path.c_str(), kUser, kUser), 0);
  }
  const Confinement confinement = all();
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe(ends.data()), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(kUser, kUser, kUser) != 0 ||
        ::setresuid(kUser, kUser, kUser) != 0) {
      ::_exit(3);
    }
    // A program that such a user starts may be looked at through /proc; one that changed its user may not.
    ::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    const Result<Outcome> outcome = run(confinement);
    const std::string text = outcome ? to_json(*outcome).dump() : outcome.error().message;
    ::_exit(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 4);
  }
  ::close(ends[1]);
  std::string text(65536, '\0');
  text.resize(static_cast<std::size_t>(std::max<ssize_t>(0, ::read(ends[0], text.data(), text.size()))));
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  const Result<Json> outcome = parse_json(text);
  ASSERT_TRUE(outcome) << text;
  EXPECT_EQ((*outcome)["exit_status"], 0);
  EXPECT_FALSE((*outcome)["degraded"].empty()) << "an ordinary user has no control groups here";
  const auto found = said();
  EXPECT_GE(found.size(), kProbesAtLeast);
  EXPECT_EQ(escaped(found), std::vector<std::string>{});
}

// Killed with no chance to tidy up, the caller takes the command with it.
TEST_F(Probes, DieWithTheirCaller) {
  const Confinement confinement = probe_confinement(folder_, "daemon");
  const pid_t child = ::fork();
  if (child == 0) {
    Confinement endless = confinement;
    endless.command = {"/bin/sh", "-c", "while :; do echo x >>/out/alive; sleep 0.01; done"};
    const Result<Outcome> outcome = run(endless);
    ::_exit(outcome ? 0 : 1);
  }
  const fs::path alive = folder_.out() / "alive";
  for (int i = 0; i < 500 && !fs::exists(alive); ++i) ::usleep(10'000);
  ASSERT_TRUE(fs::exists(alive));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  ::usleep(100'000);
  const std::size_t size = read_text(alive).size();
  ::usleep(100'000);
  EXPECT_EQ(read_text(alive).size(), size);
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
