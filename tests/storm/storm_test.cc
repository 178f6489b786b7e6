// The storm over a real run: refused or harmless, never missed.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <mutex>
#include <thread>

#include "drills/data.h"
#include "services/pipeline/runner.h"
#include "services/project/check.h"
#include "services/project/init.h"
#include "services/server/model.h"
#include "tests/storm/storm.h"

namespace sallyport {
namespace {

using services::pipeline::RunReport;

constexpr std::string_view kModel = "digits@champion";
constexpr int kDefaultChanges = 2000;

int change_count() {
  const char* text = std::getenv("SALLYPORT_STORM");
  return text == nullptr ? kDefaultChanges : std::atoi(text);
}

struct FinishedRun {
  fs::path folder;
  std::vector<Bytes> history;  // checkpoints, one after each stage
};

FinishedRun make_run(const fs::path& folder) {
  fs::remove_all(folder);
  const auto made = services::project::init_project(
      system_env(), {.folder = folder, .name = "digits", .feed_csv = std::string(drills::digits_csv()),
                     .feed_file = "digits.csv", .roles = {.label = "digit", .id = "id"},
                     .image = {.height = 8, .width = 8, .max_value = 16}});
  EXPECT_TRUE(made) << made.error().message;
  FinishedRun run{.folder = folder, .history = {}};
  const auto project = services::pipeline::load_project(system_env(), folder);
  EXPECT_TRUE(project) << project.error().message;
  services::pipeline::RunOptions options{.project = folder};
  options.on_event = [&](const services::pipeline::Event& event) {
    if (event.kind != services::pipeline::EventKind::kStageStarted) return;
    if (auto bytes = system_env().read_file(folder / ".sallyport/log/checkpoint")) {
      run.history.push_back(*bytes);
    }
  };
  const auto report =
      services::pipeline::run_pipeline(system_env(), project->definition, project->policy, options);
  EXPECT_TRUE(report) << report.error().message;
  if (report) { EXPECT_LT(report->verdict, Verdict::kBlock) << report->reason; }
  return run;
}

// What a user gets from the folder: the verdict of `verify`, and the bytes that the server would serve.
struct Seen {
  bool verified = false;
  bool loaded = false;
  Digest served = {};
};

Seen look(const fs::path& folder) {
  Seen seen;
  Env& env = system_env();
  const auto workspace = trust::Workspace::open(env, folder);
  const auto project = services::pipeline::load_project(env, folder);
  if (!workspace || !project) return seen;
  const std::int64_t now = env.now_unix_s();
  seen.verified =
      services::project::verify_project(*workspace, std::string(kModel), project->policy, now).verified();
  if (!seen.verified) return seen;  // nobody would load it
  const auto model =
      services::server::load_verified_model(*workspace, std::string(kModel), project->policy, now);
  seen.loaded = model.has_value();
  if (model) seen.served = sha256(model->bytes);
  return seen;
}

struct Tally {
  std::uint64_t tried = 0;
  std::uint64_t refused = 0;
  std::uint64_t harmless = 0;
  std::vector<std::string> missed;
};

void blow(const FinishedRun& run, const fs::path& copy, std::uint64_t seed, int changes, Tally& tally,
          std::mutex& mutex) {
  fs::remove_all(copy);
  fs::copy(run.folder, copy, fs::copy_options::recursive);
  const storm::Snapshot pristine = storm::take_snapshot(copy);
  const Seen before = look(copy);
  storm::Storm storm(copy, pristine, run.history, seed);
  for (int i = 0; i < changes; ++i) {
    const storm::Change change = storm.strike();
    const Seen after = look(copy);
    // The pin may have been moved by looking; it is restored like everything else.
    storm.undo(change);
    storm::restore(copy, pristine, {".sallyport/pin"});
    const std::lock_guard lock(mutex);
    ++tally.tried;
    if (!after.verified) {
      ++tally.refused;
    } else if (after.loaded == before.loaded && after.served == before.served) {
      ++tally.harmless;
    } else {
      tally.missed.push_back(change.kind + ": " + change.what);
    }
  }
}

// In memory where there is such a file system: each look syncs its pin, which is a quarter of the time on a
// disk that nobody else uses, and most of it on a busy one.
fs::path storm_folder() {
  const fs::path memory = "/dev/shm";
  const bool there = fs::exists(memory) && fs::space(memory).available > (std::uintmax_t{1} << 30);
  return (there ? memory : fs::path(testing::TempDir())) / ("sallyport-storm." + std::to_string(::getpid()));
}

TEST(TamperStorm, EveryChangeIsRefusedOrHarmless) {
  const fs::path base = storm_folder();
  const FinishedRun run = make_run(base / "run" / "digits");
  ASSERT_FALSE(HasFailure());
  const Seen honest = look(run.folder);
  ASSERT_TRUE(honest.verified && honest.loaded);

  Tally tally;
  std::mutex mutex;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 2; ++t) {
      threads.emplace_back([&, t] {
        blow(run, base / ("copy" + std::to_string(t)), 20261123 + static_cast<std::uint64_t>(t),
             change_count() / 2, tally, mutex);
      });
    }
  }
  std::printf("tamper storm: %zu tried, %zu refused, %zu harmless, %zu missed\n",
              static_cast<std::size_t>(tally.tried), static_cast<std::size_t>(tally.refused),
              static_cast<std::size_t>(tally.harmless), tally.missed.size());
  for (const std::string& what : tally.missed) ADD_FAILURE() << "missed: " << what;
  // A storm that refuses nothing has not blown.
  EXPECT_GT(tally.refused, tally.tried / 2);
  EXPECT_TRUE(look(run.folder).verified);
  fs::remove_all(base);
}

}  // namespace
}  // namespace sallyport
