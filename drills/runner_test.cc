#include "drills/runner.h"

#include <gtest/gtest.h>

#include "catalog/catalog.h"
#include "drills/mutants.h"

namespace sallyport::drills {
namespace {

// A toy threat: a file that holds "bad" makes its reader leave a mark.
Result<Examination> find_bad(const FileSubject& file, const Parameters&) {
  Examination out;
  if (as_text(file.bytes) == "torn") return invalid("torn file");
  if (as_text(file.bytes) == "bad") {
    out.findings.push_back({.where = {.path = file.path}, .message = "is bad"});
  }
  return out;
}
const Guard kToyGuard{.id = "toy",
                      .threats = {"acq-ingest-tamper"},
                      .summary = "refuses bad files",
                      .looks_for = "the word bad",
                      .file = find_bad};

Result<void> read_file(World& world) {
  if (as_text(TRY(world.read("data"))) == "bad") TRY(world.write("mark", "harm"));
  return {};
}
Result<Subjects> present_file(World& world) {
  const Bytes& bytes = world.keep(TRY(world.read("data")));
  return Subjects{.files = {{"data", {"data", bytes}}}};
}
const Drill kToyDrill{.threat = "acq-ingest-tamper",
                      .story = "someone writes bad data",
                      .honest_story = "someone writes good data",
                      .attack = [](World& world) { return world.write("data", "bad"); },
                      .honest = [](World& world) { return world.write("data", "good"); },
                      .victim = read_file,
                      .harmed = [](const World& world) { return world.exists("mark"); },
                      .present = present_file,
                      .trials = 3};

DrillEntry toy(const Drill& drill) {
  return {.drill = &drill, .id = "toy", .folder = "data_engineering/data_acquisition", .guard = &kToyGuard};
}

TEST(Runner, ASoundDrillHoldsOnEverySeed) {
  const DrillReport report = run_drill(toy(kToyDrill));
  EXPECT_EQ(report.error, "");
  EXPECT_EQ(report.trials, 3u);
  EXPECT_EQ(report.harmed, 3u);
  EXPECT_EQ(report.refused, 3u);
  EXPECT_TRUE(report.holds()) << report.miss;
  EXPECT_EQ(report.why, "toy: data: is bad");
}

TEST(Runner, ABlindGuardFailsTheSecondClaimAndAWallTheThird) {
  const DrillReport blind = run_drill(toy(kToyDrill), {.defence = Defence::kBlind});
  EXPECT_TRUE(blind.undefended_harm());
  EXPECT_FALSE(blind.defended_refused());
  EXPECT_TRUE(blind.twin_passes());
  const DrillReport wall = run_drill(toy(kToyDrill), {.defence = Defence::kWall});
  EXPECT_TRUE(wall.defended_refused());
  EXPECT_FALSE(wall.twin_passes());
}

TEST(Runner, AnAttackWithoutHarmFailsTheFirstClaim) {
  Drill drill = kToyDrill;
  drill.victim = [](World&) -> Result<void> { return {}; };
  const DrillReport report = run_drill(toy(drill));
  EXPECT_FALSE(report.undefended_harm());
  EXPECT_FALSE(report.holds());
  EXPECT_EQ(report.miss, "seed 1: undefended, the attack did no harm");
}

TEST(Runner, AGuardThatCannotTellHasNotRefused) {
  Drill drill = kToyDrill;
  drill.attack = [](World& world) { return world.write("data", "torn"); };
  drill.harmed = [](const World& world) { return world.exists("data"); };
  const DrillReport report = run_drill(toy(drill));
  EXPECT_FALSE(report.defended_refused());
  EXPECT_EQ(report.miss, "seed 1: defended, the guard could not tell: toy: could not tell: torn file");
}

TEST(Runner, AHarmfulTwinFailsTheThirdClaim) {
  Drill drill = kToyDrill;
  drill.honest = [](World& world) {
    if (auto done = world.write("mark", "harm"); !done) return done;
    return world.write("data", "good");
  };
  const DrillReport report = run_drill(toy(drill));
  EXPECT_TRUE(report.defended_refused());
  EXPECT_FALSE(report.twin_passes());
  EXPECT_EQ(report.harmed_honest, 3u);
}

TEST(Runner, ABrokenDrillClaimsNothing) {
  Drill refusing = kToyDrill, throwing = kToyDrill;
  refusing.honest = [](World&) -> Result<void> { return invalid("no data"); };
  throwing.honest = [](World& world) { return world.write(std::string("data").substr(9), "good"); };
  for (const auto& [drill, error] :
       {std::pair(&refusing, "seed 1: honest: no data"), std::pair(&throwing, "seed 1: exception: ")}) {
    const DrillReport report = run_drill(toy(*drill));
    EXPECT_TRUE(report.error.starts_with(error)) << report.error;
    EXPECT_FALSE(report.undefended_harm() || report.defended_refused() || report.twin_passes());
  }
}

TEST(Runner, AMechanismIsSwitchedOffByItsMutants) {
  Drill drill = kToyDrill;
  drill.present = nullptr;
  drill.defend = [](World& world) -> Result<Outcome> {
    const bool bad = as_text(TRY(world.read("data"))) == "bad";
    return Outcome{bad, bad ? "the mechanism saw it" : ""};
  };
  DrillEntry entry = toy(drill);
  entry.guard = nullptr;
  entry.mechanism = "a mechanism";
  EXPECT_TRUE(run_drill(entry).holds());
  EXPECT_FALSE(run_drill(entry, {.defence = Defence::kBlind}).defended_refused());
  EXPECT_FALSE(run_drill(entry, {.defence = Defence::kWall}).twin_passes());
}

TEST(Runner, AStatisticalDrillStatesWhatItMustReach) {
  Drill drill = kToyDrill;
  drill.trials = 10;
  drill.attack = [](World& world) { return world.write("data", world.seed() % 5 == 0 ? "faint" : "bad"); };
  const auto report = [&](double at_least) {
    drill.harm_at_least = at_least;
    drill.rate_at_least = at_least;
    return run_drill(toy(drill));
  };
  EXPECT_FALSE(report(0.9).holds());
  EXPECT_TRUE(report(0.8).holds());
  const DrillReport reports[] = {report(0.8)};
  const Json json = to_json(reports);
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["id"], "acq-ingest-tamper");
  EXPECT_DOUBLE_EQ(json[0]["rate"], 0.8);
  // Clopper and Pearson at 95 % for 8 of 10.
  EXPECT_NEAR(json[0]["rate_low"], 0.4439, 1e-4);
  EXPECT_NEAR(json[0]["rate_high"], 0.9748, 1e-4);
}

TEST(Runner, DrillsOfOneThreatArePooledAndMustAllHold) {
  Drill broken = kToyDrill;
  broken.harmed = [](const World&) { return false; };
  const DrillEntry good = toy(kToyDrill), bad = toy(broken);
  const DrillEntry* entries[] = {&good, &bad};
  const Json json = to_json(run_drills(entries));
  ASSERT_EQ(json.size(), 1u);
  EXPECT_EQ(json[0]["trials"], 6);
  EXPECT_EQ(json[0]["undefended_harm"], false);
  EXPECT_EQ(json[0]["defended_refused"], true);
}

TEST(Runner, WorldsArePrivateAndGoUnlessTheyAreKept) {
  const fs::path folder = fs::path(testing::TempDir()) / "kept-worlds";
  fs::remove_all(folder);
  ASSERT_EQ(run_drill(toy(kToyDrill), {.trials = 1, .keep = folder}).error, "");
  EXPECT_TRUE(fs::exists(folder / "toy/1/undefended/mark"));
  EXPECT_FALSE(fs::exists(folder / "toy/1/defended/mark"));
  EXPECT_FALSE(fs::exists(folder / "toy/1/twin/mark"));
  EXPECT_NE(run_drill(toy(kToyDrill), {.trials = 1, .keep = folder}).error, "")
      << "kept worlds are not reused";
  fs::remove_all(folder);
}

TEST(World, NothingIsWrittenOutsideItsRoot) {
  const fs::path root = fs::path(testing::TempDir()) / "world-root";
  World world(root, 1);
  for (const char* path : {"../escape", "/etc/escape", "a/../../escape", ""}) {
    EXPECT_FALSE(world.write(path, "x")) << path;
  }
  EXPECT_TRUE(world.write("a/b", "x"));
  EXPECT_TRUE(world.write("a/b", "y"));
  EXPECT_EQ(as_text(*world.read("a/b")), "y");
  fs::remove_all(root);
}

TEST(Mutants, KeepTheHooksThatTheGuardHasAndNoOthers) {
  for (const Guard& mutant : {blind_of(kToyGuard), wall_of(kToyGuard)}) {
    EXPECT_NE(mutant.file, nullptr);
    EXPECT_EQ(mutant.request, nullptr);
    EXPECT_EQ(mutant.dataset.judge, nullptr);
  }
  const FileSubject anything{"x", {}};
  EXPECT_TRUE(blind_of(kToyGuard).file(anything, {})->findings.empty());
  EXPECT_EQ(wall_of(kToyGuard).file(anything, {})->findings.size(), 1u);
}

}  // namespace
}  // namespace sallyport::drills
