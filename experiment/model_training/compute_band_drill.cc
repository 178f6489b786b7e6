// train-compute-hijack enacted: while a training runs, something else computes in its name.
#include <unistd.h>

#include "drills/drill.h"
#include "services/pipeline/compute_band.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::experiment::model_training {
namespace {

namespace sandbox = services::sandbox;
using drills::World;
using services::pipeline::ComputeBand;

struct Job {
  std::string script = {};
  double cpu_s = 0;
  bool mined = false;  // the miner got as far as it wanted to
};

// A step is a fixed amount of arithmetic; the miner's mark is its proof of work.
constexpr std::string_view kTrain =
    "work() { j=0; while [ $j -lt 160000 ]; do j=$((j+1)); done; }\n"
    "mine() { j=0; while [ $j -lt 1300000 ]; do j=$((j+1)); done; echo mined >/out/mark; }\n"
    "i=0; while [ $i -lt 16 ]; do\n"
    "  STEP\n"
    "  echo \"sallyport: step $i\"; i=$((i+1))\n"
    "done\nwait\n";

Result<void> prepare(World& world, std::string_view step) {
  std::string script(kTrain);
  script.replace(script.find("STEP"), 4, step);
  world.state<Job>().script = script;
  return drills::in_file_system([&] { fs::create_directories(world.root() / "out"); });
}

// As a child beside the training, or in the very process, from the eighth step on.
Result<void> attack(World& world) {
  return prepare(world, world.seed() % 2 == 0
                            ? "[ $i -eq 7 ] && { mine & }; work"
                            : "work; [ $i -ge 7 ] && { k=0; while [ $k -lt 180000 ]; do k=$((k+1)); done; }; "
                              "[ $i -eq 14 ] && echo mined >/out/mark");
}

// Two loaders that share the work of each step.
Result<void> honest(World& world) {
  return prepare(world, "half() { j=0; while [ $j -lt 80000 ]; do j=$((j+1)); done; }; half & half & wait");
}

Result<sandbox::Outcome> train(World& world, ComputeBand* band) {
  sandbox::Confinement box{.command = {"sh", "-c", world.state<Job>().script},
                           .environment = {{"PATH", "/usr/bin:/bin"}}};
  box.binds.push_back({.host = world.root() / "out", .inside = "/out", .access = sandbox::Access::kWrite});
  box.limits.wall_s = 120;
  double used_s = 0;
  sandbox::Watch watch;
  if (band != nullptr) {
    watch.on_line = [&](sandbox::Stream, std::string_view line) { band->line(line, used_s); };
    watch.on_use = [&](double cpu_s) {
      used_s = cpu_s;
      return band->holds(cpu_s);
    };
  }
  return sandbox::run(box, watch);
}

Result<void> victim(World& world) {
  if (world.exists("out/mark")) return {};
  if (world.state<Job>().mined) return {};
  TRY(train(world, nullptr));
  return {};
}

bool harmed(const World& world) { return world.exists("out/mark"); }

Result<drills::Outcome> keep_band(World& world) {
  ComputeBand band({.steps = 16, .slack_s = 0.05});
  const sandbox::Outcome outcome = TRY(train(world, &band));
  return drills::Outcome{.refused = outcome.limit == sandbox::Limit::kBand && !world.exists("out/mark"),
                         .why = band.why()};
}

}  // namespace

extern const drills::Drill compute_band_drill;
const drills::Drill compute_band_drill{
    .threat = "train-compute-hijack",
    .story = "from the eighth step on a loop hashes beside the training, as a child or in the process itself",
    .honest_story = "two workers load the data, and share the work of each step",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = keep_band,
    .trials = 2,
    .harm = "the miner has its proof of work",
    .alone = true};

}  // namespace sallyport::experiment::model_training
