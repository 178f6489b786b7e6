// Completeness, in both directions: no threat without a state, no guard without a threat, a line, samples and
// a drill, no file in a stage's folder that nothing names.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "catalog/coverage.h"
#include "drills/registry.h"
#include "tests/paths.h"

namespace sallyport {
namespace {

namespace fs = std::filesystem;
using catalog::State;

const fs::path kSources = tests::source_dir();

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

TEST(Coverage, TheCatalogueHasAHundredThreatsOverSixteenStages) {
  std::set<std::string_view> ids;
  std::map<Stage, int> per_stage;
  for (const catalog::Threat& threat : catalog::threats()) {
    EXPECT_TRUE(ids.insert(threat.id).second) << threat.id << " stands twice in the catalogue";
    ++per_stage[threat.stage];
    for (const std::string_view text :
         {threat.title, threat.summary, threat.control, threat.drill, threat.metric}) {
      EXPECT_FALSE(text.empty()) << threat.id;
    }
  }
  EXPECT_EQ(ids.size(), 100u);
  EXPECT_EQ(per_stage.size(), kStages.size());
}

TEST(Coverage, EveryThreatHasExactlyOneState) {
  std::map<std::string_view, int> guarded, held, open;
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    for (const std::string_view threat : entry.guard->threats) guarded[threat] = 1;
  }
  for (const catalog::HeldEntry& entry : catalog::held()) held[entry.threat] = 1;
  for (const catalog::OpenEntry& entry : catalog::open()) ++open[entry.threat];
  for (const catalog::Threat& threat : catalog::threats()) {
    const bool answered = guarded.contains(threat.id) || held.contains(threat.id);
    EXPECT_EQ(open[threat.id], answered ? 0 : 1)
        << threat.id << (answered ? " is answered: remove its OPEN line" : " has no line in guards.def");
  }
}

TEST(Coverage, EveryLineOfTheTableNamesAThreatOfTheCatalogue) {
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    EXPECT_NE(entry.guard->threats.begin(), entry.guard->threats.end()) << entry.id << " answers no threat";
    for (const std::string_view threat : entry.guard->threats) {
      EXPECT_NE(catalog::find_threat(threat), nullptr) << entry.id << ": " << threat;
    }
  }
  for (const catalog::HeldEntry& entry : catalog::held()) {
    EXPECT_NE(catalog::find_threat(entry.threat), nullptr) << entry.id << ": " << entry.threat;
    EXPECT_FALSE(entry.mechanism.empty()) << entry.id;
  }
  for (const catalog::OpenEntry& entry : catalog::open()) {
    EXPECT_NE(catalog::find_threat(entry.threat), nullptr) << entry.threat;
  }
}

TEST(Coverage, AnOpenThreatSaysWhatItWaitsFor) {
  std::map<std::string_view, std::string_view> seen;
  for (const catalog::OpenEntry& entry : catalog::open()) {
    EXPECT_TRUE(entry.reason.starts_with("needs ")) << entry.threat << ": say which control is needed";
    EXPECT_NE(entry.reason.find("; "), std::string_view::npos)
        << entry.threat << ": say which work brings it";
    EXPECT_GE(std::count(entry.reason.begin(), entry.reason.end(), ' '), 8)
        << entry.threat << ": " << entry.reason;
    const auto [first, is_new] = seen.emplace(entry.reason, entry.threat);
    EXPECT_TRUE(is_new) << entry.threat << " has the reason of " << first->second;
  }
}

TEST(Coverage, AGuardStandsInTheFolderOfAThreatOfIts) {
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    const auto& threats = entry.guard->threats;
    const bool at_home = std::any_of(threats.begin(), threats.end(), [&](std::string_view id) {
      const catalog::Threat* threat = catalog::find_threat(id);
      return threat != nullptr && info(threat->stage).folder == entry.folder;
    });
    EXPECT_TRUE(at_home) << entry.id << ": no threat that it lists belongs to " << entry.folder;
  }
}

TEST(Coverage, EveryAnsweredThreatIsEnactedAndEveryDrillAnswersToOne) {
  for (const catalog::Threat& threat : catalog::threats()) {
    const bool answered = catalog::state_of(threat.id) != State::kOpen;
    EXPECT_EQ(!drills::drills_against(threat.id).empty(), answered)
        << threat.id << (answered ? " has no drill: add a DRILL line" : " is open, but a drill enacts it");
  }
  for (const drills::DrillEntry& entry : drills::drills()) {
    const catalog::Threat* threat = catalog::find_threat(entry.drill->threat);
    ASSERT_NE(threat, nullptr) << entry.id << ": " << entry.drill->threat;
    EXPECT_EQ(info(threat->stage).folder, entry.folder) << entry.id << " enacts a threat of another stage";
    EXPECT_NE(entry.guard == nullptr, entry.mechanism.empty())
        << entry.id << ": a guard or a mechanism, not both";
    if (entry.guard == nullptr) continue;
    const auto& threats = entry.guard->threats;
    EXPECT_NE(std::find(threats.begin(), threats.end(), entry.drill->threat), threats.end())
        << entry.id << " enacts a threat that " << entry.guard->id << " does not list";
    EXPECT_NE(entry.drill->present, nullptr) << entry.id << ": a guard's drill presents subjects to its gate";
  }
}

TEST(Coverage, AHeldThreatsDrillRunsTheMechanism) {
  for (const catalog::HeldEntry& held : catalog::held()) {
    for (const drills::DrillEntry& entry : drills::drills()) {
      if (entry.id != held.id) continue;
      EXPECT_EQ(entry.drill->threat, held.threat) << held.id;
      EXPECT_NE(entry.drill->defend, nullptr) << held.id << ": a mechanism's drill runs the mechanism itself";
    }
  }
}

// Which stems of files a stage's folder may hold, from guards.def.
struct Expected {
  std::set<std::string> guards, drills;
};

Expected expected_in(std::string_view folder) {
  Expected out;
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    if (entry.folder == folder) out.guards.emplace(entry.id);
  }
  for (const drills::DrillEntry& entry : drills::drills()) {
    if (entry.folder == folder) out.drills.emplace(entry.id);
  }
  return out;
}

TEST(Coverage, AStagesFolderHoldsWhatTheTableNamesAndNothingElse) {
  for (const StageInfo& stage : kStages) {
    const Expected expected = expected_in(stage.folder);
    for (const std::string& id : expected.guards) {
      EXPECT_TRUE(fs::exists(kSources / stage.folder / (id + ".cc"))) << id;
    }
    for (const std::string& id : expected.drills) {
      EXPECT_TRUE(fs::exists(kSources / stage.folder / (id + "_drill.cc"))) << id;
    }
    for (const fs::directory_entry& file : fs::directory_iterator(kSources / stage.folder)) {
      const std::string name = file.path().filename().string();
      if (name == "README.md" || name == "testdata") continue;
      std::string stem = file.path().stem().string();
      const bool is_drill = stem.ends_with("_drill"), is_test = stem.ends_with("_test");
      if (is_drill || is_test) stem = stem.substr(0, stem.rfind('_'));
      const bool named = expected.guards.contains(stem) || (is_drill && expected.drills.contains(stem));
      EXPECT_TRUE(named && file.path().extension() == ".cc")
          << stage.folder << "/" << name << ": guards.def does not name it";
    }
    if (!fs::exists(kSources / stage.folder / "testdata")) continue;
    for (const fs::directory_entry& folder : fs::directory_iterator(kSources / stage.folder / "testdata")) {
      EXPECT_TRUE(expected.guards.contains(folder.path().filename().string()))
          << folder.path().string() << ": no guard of that name";
    }
  }
}

std::string stage_readme(const StageInfo& stage) {
  std::string out =
      "# " + std::string(stage.title) +
      "\n\nWhat can go wrong at this stage, and the control that answers it. `sallyport threats` says which "
      "of these\nthreats are answered today; a guard's file is here with its drill and its samples.\n\n"
      "Written from `catalog/threats.yaml`: `SALLYPORT_UPDATE_SNAPSHOTS=1 ./dev test Coverage` writes it "
      "again.\n\n| threat | what happens | control |\n|---|---|---|\n";
  for (const catalog::Threat& threat : catalog::threats()) {
    if (threat.stage != stage.stage) continue;
    out += "| `" + std::string(threat.id) + "` | " + std::string(threat.title) + " | " +
           std::string(threat.control) + " |\n";
  }
  return out;
}

TEST(Coverage, EveryStagesReadmeListsItsThreats) {
  const bool update = std::getenv("SALLYPORT_UPDATE_SNAPSHOTS") != nullptr;
  for (const StageInfo& stage : kStages) {
    const fs::path path = kSources / stage.folder / "README.md";
    if (update) {
      fs::create_directories(path.parent_path());
      std::ofstream(path, std::ios::binary) << stage_readme(stage);
    }
    EXPECT_EQ(read(path), stage_readme(stage))
        << path << ": SALLYPORT_UPDATE_SNAPSHOTS=1 ./dev test Coverage writes it";
  }
}

}  // namespace
}  // namespace sallyport
