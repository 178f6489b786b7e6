// Every limit ends the run soon after it is hit, with every process gone and the outcome naming it; with and
// without control groups.
#include <sys/eventfd.h>

#include <chrono>
#include <thread>

#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::sandbox::testing {
namespace {

struct Load {
  std::string probe;
  Limit expected;
  Limits limits;
  bool cgroups = true;
};

std::vector<Load> loads() {
  const Limits base{.wall_s = 20,
                    .cpu_s = 20,
                    .memory_bytes = 64U << 20U,
                    .processes = 32,
                    .disk_bytes = 8U << 20U,
                    .scratch_bytes = 8U << 20U};
  Limits wall = base;
  wall.wall_s = 0.3;
  Limits cpu = base;
  cpu.cpu_s = 0.3;
  std::vector<Load> all;
  for (const bool cgroups : {true, false}) {
    all.push_back({"sleep", Limit::kWall, wall, cgroups});
    all.push_back({"spin", Limit::kCpu, cpu, cgroups});
    all.push_back({"fork_bomb", Limit::kProcesses, base, cgroups});
    all.push_back({"memory_bomb_of_many", Limit::kMemory, base, cgroups});
    all.push_back({"fill_output", Limit::kDisk, base, cgroups});
    all.push_back({"fill_output_sparsely", Limit::kDisk, base, cgroups});
    all.push_back({"flood_of_denials", Limit::kDenials, base, cgroups});
  }
  return all;
}

class LimitTest : public ::testing::TestWithParam<Load> {};

TEST_P(LimitTest, EndsTheRun) {
  const Load& load = GetParam();
  Folder folder;
  Confinement confinement = probe_confinement(folder, load.probe);
  confinement.limits = load.limits;
  const auto begin = std::chrono::steady_clock::now();
  const Result<Outcome> outcome = detail::run_without(confinement, {}, {.cgroups = !load.cgroups});
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(name_of(outcome->limit), name_of(load.expected)) << read_text(folder.root() / "stdout");
  EXPECT_EQ(outcome->exit_status, -1);
  EXPECT_FALSE(outcome->succeeded());
  EXPECT_LT(taken.count(), load.limits.wall_s + 5);
}

INSTANTIATE_TEST_SUITE_P(Each, LimitTest, ::testing::ValuesIn(loads()), [](const auto& load) {
  return load.param.probe + (load.param.cgroups ? "" : "_without_cgroups");
});

// A full scratch folder is an ordinary error for the command, and touches nothing of the host.
TEST(Limits, ScratchIsBounded) {
  Folder folder;
  Confinement confinement = probe_confinement(folder, "fill_scratch");
  confinement.limits.scratch_bytes = 4U << 20U;
  const Result<Outcome> outcome = run(confinement);
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
  EXPECT_NE(read_text(folder.root() / "stdout").find("No space left"), std::string::npos);
}

TEST(Limits, OutputIsCutAndTheCommandGoesOn) {
  Folder folder;
  Confinement confinement = probe_confinement(folder, "loud");
  confinement.limits.output_bytes = 10'000;
  std::size_t lines = 0;
  const Result<Outcome> outcome = run(confinement, {.on_line = [&](Stream, std::string_view) { ++lines; }});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0);
  EXPECT_TRUE(outcome->output_cut);
  EXPECT_EQ(fs::file_size(folder.root() / "stdout"), 10'000U);
  EXPECT_GT(lines, 100U);
}

TEST(Limits, CancellingKillsTheTree) {
  Folder folder;
  const detail::Fd cancel(::eventfd(0, EFD_CLOEXEC));
  std::thread canceller([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    const std::uint64_t one = 1;
    EXPECT_EQ(::write(cancel.get(), &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
  });
  const Result<Outcome> outcome =
      run(probe_confinement(folder, "sleep"), {.on_line = {}, .cancel = cancel.get()});
  canceller.join();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->limit, Limit::kCancelled);
  EXPECT_LT(outcome->wall_s, 10);
}

// What was used is counted for the whole tree, with control groups and without.
TEST(Limits, UseIsMeasured) {
  for (const bool cgroups : {true, false}) {
    Folder folder;
    Confinement confinement = probe_confinement(folder, "");
    confinement.command = {"python3", "-c",
                           "import os, time\n"
                           "if os.fork() == 0:\n"
                           "  block = b'x' * (60 << 20)\n"
                           "  end = time.process_time() + 0.3\n"
                           "  while time.process_time() < end: pass\n"
                           "  os._exit(0)\n"
                           "os.wait()\n"};
    const Result<Outcome> outcome = detail::run_without(confinement, {}, {.cgroups = !cgroups});
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_EQ(outcome->exit_status, 0) << read_text(folder.root() / "stderr");
    EXPECT_GT(outcome->cpu_s, 0.3);
    EXPECT_LT(outcome->cpu_s, 2);
    EXPECT_GT(outcome->memory_peak_bytes, 60U << 20U);
    EXPECT_LT(outcome->memory_peak_bytes, 200U << 20U);
  }
}

}  // namespace
}  // namespace sallyport::services::sandbox::testing
