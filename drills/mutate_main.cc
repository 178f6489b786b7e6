// sallyport-mutate: shows that tests would notice a broken defence.
//
// Each guard is replaced by a mutant that finds nothing (blind) and by one that finds something in everything
// (wall). Its samples and its drill must both notice both. A mechanism without a guard is switched off and
// jammed instead, and its drill must notice. Exit 0: every mutant was noticed; 1: one survived; 2: something
// could not be run.
//
// usage: sallyport-mutate [--plant] [ID...], from the root of a checkout
//
// --plant tries the tool itself: on defences that are known to be badly tested it must report survivors.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "core/parallel.h"
#include "drills/mutants.h"
#include "drills/runner.h"
#include "drills/samples.h"

namespace sallyport::drills {
namespace {

// Few trials are enough: a mutant answers every seed alike.
constexpr int kTrials = 2;

enum class Fate : std::uint8_t { kNoticed, kSurvived, kNotTried };
constexpr const char* kFateNames[] = {"noticed", "SURVIVED", "-"};

struct Row {
  DrillEntry entry = {};
  Fate samples_blind = Fate::kNotTried;
  Fate samples_wall = Fate::kNotTried;
  Fate drill_blind = Fate::kNotTried;
  Fate drill_wall = Fate::kNotTried;
  std::string trouble = {};  // why nothing is known
};

Fate fate(bool noticed) { return noticed ? Fate::kNoticed : Fate::kSurvived; }

void try_samples(Row& row, const fs::path& folder) {
  const SampleReport sound = check_samples(*row.entry.guard, folder);
  if (!sound.failures.empty()) {
    row.trouble = "the guard fails its own samples: " + sound.failures.front();
    return;
  }
  row.samples_blind = fate(!check_samples(blind_of(*row.entry.guard), folder).failures.empty());
  row.samples_wall = fate(!check_samples(wall_of(*row.entry.guard), folder).failures.empty());
}

void try_drill(Row& row) {
  const auto run = [&](Defence defence) {
    return run_drill(row.entry, {.trials = kTrials, .defence = defence, .threads = 1});
  };
  const DrillReport blind = run(Defence::kBlind), wall = run(Defence::kWall);
  if (row.trouble.empty()) row.trouble = !blind.error.empty() ? blind.error : wall.error;
  row.drill_blind = fate(!blind.defended_refused());
  row.drill_wall = fate(!wall.twin_passes());
}

// A drill that `present`s is the guard's own; a guard has samples beside its own drill only.
Row try_entry(const DrillEntry& entry, const fs::path& root) {
  Row row{.entry = entry};
  if (entry.guard != nullptr && entry.guard->id == entry.id) {
    try_samples(row, root / entry.folder / "testdata" / entry.id);
  }
  try_drill(row);
  return row;
}

bool survived(const Row& row) {
  const Fate fates[] = {row.samples_blind, row.samples_wall, row.drill_blind, row.drill_wall};
  return std::find(std::begin(fates), std::end(fates), Fate::kSurvived) != std::end(fates);
}

void print(const std::vector<Row>& rows) {
  std::printf("%-34s %-10s %-10s %-10s %-10s\n", "", "samples", "samples", "drill", "drill");
  std::printf("%-34s %-10s %-10s %-10s %-10s\n", "defence", "blind", "wall", "blind", "wall");
  std::size_t mutants = 0, survivors = 0;
  for (const Row& row : rows) {
    std::printf("%-34s", std::string(row.entry.id).c_str());
    for (const Fate each : {row.samples_blind, row.samples_wall, row.drill_blind, row.drill_wall}) {
      std::printf(" %-10s", kFateNames[static_cast<std::size_t>(each)]);
      mutants += each == Fate::kNotTried ? 0 : 1;
      survivors += each == Fate::kSurvived ? 1 : 0;
    }
    std::printf("\n");
    if (!row.trouble.empty()) std::printf("  could not tell: %s\n", row.trouble.c_str());
  }
  std::printf("%zu defences, %zu mutants: %zu noticed, %zu survived\n", rows.size(), mutants,
              mutants - survivors, survivors);
}

int exit_code(const std::vector<Row>& rows) {
  if (std::any_of(rows.begin(), rows.end(), survived)) return 1;
  return std::any_of(rows.begin(), rows.end(), [](const Row& row) { return !row.trouble.empty(); }) ? 2 : 0;
}

// Planted: a guard that works, with samples that say so and a drill that promises nothing, so that both of
// its mutants survive the drill; the same guard without samples; and a guard that is blind as it stands.
namespace planted {

Result<Examination> find_bad(const FileSubject& file, const Parameters&) {
  Examination out;
  if (as_text(file.bytes) == "bad") {
    out.findings.push_back({.where = {.path = file.path}, .message = "is bad"});
  }
  return out;
}
const Guard kSound{.id = "sound",
                   .threats = {"acq-ingest-tamper"},
                   .summary = "refuses bad",
                   .looks_for = "bad",
                   .file = find_bad};
const Drill kLax{.threat = "acq-ingest-tamper",
                 .story = "bad data",
                 .honest_story = "good data",
                 .attack = [](World& world) { return world.write("data", "bad"); },
                 .honest = [](World& world) { return world.write("data", "good"); },
                 .victim = [](World&) -> Result<void> { return {}; },
                 .harmed = [](const World&) { return false; },
                 .present = [](World& world) -> Result<Subjects> {
                   return Subjects{.files = {{"data", {"data", world.keep(TRY(world.read("data")))}}}};
                 },
                 .rate_at_least = 0,
                 .false_positive_at_most = 1};

int run() {
  std::error_code failure;
  std::string pattern = (fs::temp_directory_path(failure) / "sallyport-mutate-XXXXXX").string();
  if (failure || ::mkdtemp(pattern.data()) == nullptr) return 2;
  World files(pattern, 0);
  constexpr std::string_view folder = "data_engineering/data_acquisition";
  const std::string samples = std::string(folder) + "/testdata/sound/";
  const bool written = files.write(samples + "caught/x", "bad") && files.write(samples + "clean/x", "good");
  const Guard blind = blind_of(kSound);
  const Row lax = try_entry({&kLax, "sound", folder, &kSound}, pattern);
  const Row bare = try_entry({&kLax, "sound", "data_engineering/data_preparation", &kSound}, pattern);
  const Row useless = try_entry({&kLax, "sound", folder, &blind}, pattern);
  fs::remove_all(pattern, failure);
  print({lax, bare, useless});
  const bool seen = written && lax.samples_blind == Fate::kNoticed && lax.samples_wall == Fate::kNoticed &&
                    lax.drill_blind == Fate::kSurvived && lax.drill_wall == Fate::kSurvived &&
                    !bare.trouble.empty() && !useless.trouble.empty();
  std::printf("%s\n", seen ? "every planted fault was seen" : "a planted fault was NOT seen");
  return seen ? 0 : 1;
}

}  // namespace planted

int run(const std::vector<std::string>& words) {
  if (words == std::vector<std::string>{"--plant"}) return planted::run();
  std::vector<const DrillEntry*> entries;
  for (const DrillEntry& entry : drills()) {
    const auto named = [&](const std::string& word) {
      return word == entry.id || word == entry.drill->threat;
    };
    if (words.empty() || std::any_of(words.begin(), words.end(), named)) entries.push_back(&entry);
  }
  if (entries.empty() || !system_env().exists("guards.def")) {
    std::fprintf(stderr, "sallyport-mutate: %s\n",
                 entries.empty() ? "no such guard or threat" : "guards.def is not here: run ./dev mutate");
    return 64;
  }
  std::vector<Row> rows(entries.size());
  parallel_for(entries.size(), [&](std::size_t i) { rows[i] = try_entry(*entries[i], "."); });
  print(rows);
  return exit_code(rows);
}

}  // namespace
}  // namespace sallyport::drills

int main(int argc, char** argv) { return sallyport::drills::run({argv + 1, argv + argc}); }
