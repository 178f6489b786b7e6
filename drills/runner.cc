#include "drills/runner.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <optional>

#include "core/parallel.h"
#include "core/policy.h"
#include "drills/mutants.h"

namespace sallyport::drills {
namespace {

struct TrialResult {
  bool harmed = false;
  bool refused = false;
  bool refused_honest = false;
  bool harmed_honest = false;
  std::string why = {};
  std::string miss = {};
  std::string error = {};
  double seconds = 0;
};

// A folder that is gone when this goes, unless its owner asked to keep it.
class PrivateFolder {
 public:
  static Result<PrivateFolder> make(const fs::path& keep, std::string_view id, std::uint64_t seed) {
    if (!keep.empty()) {
      const fs::path path = keep / std::string(id) / std::to_string(seed);
      if (system_env().exists(path)) {
        return invalid(path.string() + ": is there already", "name a new folder");
      }
      TRY(system_env().make_directories(path));
      return PrivateFolder(path, true);
    }
    std::error_code failure;
    std::string pattern = (fs::temp_directory_path(failure) / "sallyport-drill-XXXXXX").string();
    if (failure || ::mkdtemp(pattern.data()) == nullptr) {
      return fail(ErrorKind::kIo, pattern + ": cannot make a private folder",
                  "set TMPDIR to a folder with room");
    }
    return PrivateFolder(pattern, false);
  }
  PrivateFolder(PrivateFolder&& other) noexcept : path_(std::exchange(other.path_, {})), keep_(other.keep_) {}
  PrivateFolder& operator=(PrivateFolder&&) = delete;
  ~PrivateFolder() {
    std::error_code ignored;
    if (!path_.empty() && !keep_) fs::remove_all(path_, ignored);
  }

  Result<fs::path> part(std::string_view name) const {
    const fs::path folder = path_ / name;
    TRY(system_env().make_directories(folder));
    return folder;
  }

 private:
  PrivateFolder(fs::path path, bool keep) : path_(std::move(path)), keep_(keep) {}

  fs::path path_;
  bool keep_;
};

std::unexpected<Error> in_part(std::string_view part, const Error& error) {
  return within(std::string(part), error);
}

// The first reason that the gate gives for its verdict, and how many more there are.
std::string reasons_text(const GateReport& report) {
  if (report.reasons.empty()) return "";
  const std::size_t more = report.reasons.size() - 1;
  return report.reasons.front() + (more > 0 ? "; " + std::to_string(more) + " more" : "");
}

enum class Answer : std::uint8_t { kPassed, kRefused, kCannotTell };
struct Judgement {
  Answer answer = Answer::kPassed;
  std::string why = {};
};

// The guard alone, under the default policy: no other guard of the stage may win the drill for it.
Result<Judgement> pass_guard(const DrillEntry& entry, const Subjects& subjects, Defence defence) {
  if (entry.guard == nullptr) return invalid("it presents subjects, but no guard is registered for it");
  const Guard subject = defence == Defence::kBlind  ? blind_of(*entry.guard)
                        : defence == Defence::kWall ? wall_of(*entry.guard)
                                                    : *entry.guard;
  const Guard* guards[] = {&subject};
  const GateReport report =
      TRY(pass_gate(entry.stage(), guards, subjects, Policy{}, system_env().now_unix_s()));
  if (report.runs.empty()) return invalid("it presents nothing that the guard looks at");
  const bool tells = report.verdict != Verdict::kCannotTell;
  const Answer answer = !tells                              ? Answer::kCannotTell
                        : report.verdict == Verdict::kBlock ? Answer::kRefused
                                                            : Answer::kPassed;
  return Judgement{answer, reasons_text(report)};
}

Result<Judgement> defend(const DrillEntry& entry, World& world, Defence defence) {
  const Drill& drill = *entry.drill;
  if (drill.present != nullptr) {
    auto subjects = drill.present(world);
    if (!subjects) return in_part("present", subjects.error());
    return pass_guard(entry, *subjects, defence);
  }
  if (drill.defend == nullptr) return invalid("it has neither present nor defend");
  if (defence != Defence::kAsBuilt) {
    return Judgement{defence == Defence::kWall ? Answer::kRefused : Answer::kPassed, "a mutant"};
  }
  auto outcome = drill.defend(world);
  if (!outcome) return in_part("defend", outcome.error());
  return Judgement{outcome->refused ? Answer::kRefused : Answer::kPassed, outcome->why};
}

Result<void> play(Result<void> (*part)(World&), std::string_view name, World& world) {
  if (auto done = part(world); !done) return in_part(name, done.error());
  return {};
}

Result<void> undefended_trial(const DrillEntry& entry, const fs::path& root, std::uint64_t seed,
                              TrialResult& result) {
  World world(root, seed);
  TRY(play(entry.drill->attack, "attack", world));
  TRY(play(entry.drill->victim, "victim", world));
  result.harmed = entry.drill->harmed(world);
  if (!result.harmed) result.miss = "undefended, the attack did no harm";
  return {};
}

Result<void> defended_trial(const DrillEntry& entry, const fs::path& root, std::uint64_t seed,
                            Defence defence, TrialResult& result) {
  World world(root, seed);
  TRY(play(entry.drill->attack, "attack", world));
  const Judgement judgement = TRY(defend(entry, world, defence));
  result.refused = judgement.answer == Answer::kRefused;
  result.why = judgement.why;
  if (!result.refused && result.miss.empty()) {
    result.miss = judgement.answer == Answer::kPassed
                      ? "defended, the attack passed"
                      : "defended, the guard could not tell: " + judgement.why;
  }
  return {};
}

Result<void> twin_trial(const DrillEntry& entry, const fs::path& root, std::uint64_t seed, Defence defence,
                        TrialResult& result) {
  World world(root, seed);
  TRY(play(entry.drill->honest, "honest", world));
  const Judgement judgement = TRY(defend(entry, world, defence));
  result.refused_honest = judgement.answer != Answer::kPassed;
  if (result.refused_honest) {
    if (result.miss.empty()) result.miss = "the honest twin was refused: " + judgement.why;
    return {};
  }
  TRY(play(entry.drill->victim, "victim of the honest twin", world));
  result.harmed_honest = entry.drill->harmed(world);
  if (result.harmed_honest && result.miss.empty()) result.miss = "the honest twin did harm";
  return {};
}

Result<void> run_parts(const DrillEntry& entry, std::uint64_t seed, const RunOptions& options,
                       TrialResult& result) {
  const PrivateFolder folder = TRY(PrivateFolder::make(options.keep, entry.id, seed));
  TRY(undefended_trial(entry, TRY(folder.part("undefended")), seed, result));
  TRY(defended_trial(entry, TRY(folder.part("defended")), seed, options.defence, result));
  return twin_trial(entry, TRY(folder.part("twin")), seed, options.defence, result);
}

TrialResult run_trial(const DrillEntry& entry, std::uint64_t seed, const RunOptions& options) {
  TrialResult result;
  const auto start = std::chrono::steady_clock::now();
  // A drill plays with hostile input in libraries of others; one that throws must not take the others with
  // it.
  try {
    if (const auto done = run_parts(entry, seed, options, result); !done) result.error = done.error().message;
  } catch (const std::exception& exception) {
    result.error = std::string("exception: ") + exception.what();
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (options.on_trial) options.on_trial(entry.id);
  return result;
}

int trials_of(const DrillEntry& entry, const RunOptions& options) {
  return std::max(1, options.trials > 0 ? options.trials : entry.drill->trials);
}

void add_trial(DrillReport& report, const TrialResult& trial, std::uint64_t seed) {
  ++report.trials;
  report.harmed += trial.harmed ? 1 : 0;
  report.refused += trial.refused ? 1 : 0;
  report.refused_honest += trial.refused_honest ? 1 : 0;
  report.harmed_honest += trial.harmed_honest ? 1 : 0;
  report.seconds += trial.seconds;
  const std::string place = "seed " + std::to_string(seed) + ": ";
  if (report.why.empty() && trial.refused) report.why = trial.why;
  if (report.miss.empty() && !trial.miss.empty()) report.miss = place + trial.miss;
  if (report.error.empty() && !trial.error.empty()) report.error = place + trial.error;
}

double share(std::uint64_t count, std::uint64_t of) {
  return of == 0 ? 0 : static_cast<double>(count) / static_cast<double>(of);
}

}  // namespace

bool DrillReport::undefended_harm() const {
  return error.empty() && trials > 0 && share(harmed, trials) >= entry.drill->harm_at_least;
}
bool DrillReport::defended_refused() const {
  return error.empty() && trials > 0 && share(refused, trials) >= entry.drill->rate_at_least;
}
bool DrillReport::twin_passes() const {
  return error.empty() && trials > 0 && harmed_honest == 0 &&
         share(refused_honest, trials) <= entry.drill->false_positive_at_most;
}

DrillReport run_drill(const DrillEntry& entry, const RunOptions& options) {
  const DrillEntry* entries[] = {&entry};
  return run_drills(entries, options).front();
}

std::vector<DrillReport> run_drills(std::span<const DrillEntry* const> entries, const RunOptions& options) {
  struct Job {
    std::size_t drill;
    std::uint64_t seed;
    TrialResult result = {};
  };
  std::vector<Job> beside, alone;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    for (int trial = 0; trial < trials_of(*entries[i], options); ++trial) {
      const std::uint64_t seed = options.first_seed + static_cast<std::uint64_t>(trial);
      (entries[i]->drill->alone ? alone : beside).push_back({i, seed});
    }
  }
  const auto run = [&](Job& job) { job.result = run_trial(*entries[job.drill], job.seed, options); };
  parallel_for(
      beside.size(), [&](std::size_t i) { run(beside[i]); }, options.threads);
  for (Job& job : alone) run(job);

  std::vector<DrillReport> reports(entries.size());
  for (std::size_t i = 0; i < entries.size(); ++i) reports[i].entry = *entries[i];
  for (const std::vector<Job>* jobs : {&beside, &alone}) {
    for (const Job& job : *jobs) add_trial(reports[job.drill], job.result, job.seed);
  }
  return reports;
}

Json to_json(std::span<const DrillReport> reports) {
  Json out = Json::array();
  std::vector<std::string_view> done;
  for (const DrillReport& first : reports) {
    const std::string_view threat = first.entry.drill->threat;
    if (std::find(done.begin(), done.end(), threat) != done.end()) continue;
    done.push_back(threat);
    bool harm = true, refused = true, passes = true;
    std::uint64_t trials = 0, refusals = 0, refusals_honest = 0;
    for (const DrillReport& report : reports) {
      if (report.entry.drill->threat != threat) continue;
      harm = harm && report.undefended_harm();
      refused = refused && report.defended_refused();
      passes = passes && report.twin_passes();
      trials += report.trials;
      refusals += report.refused;
      refusals_honest += report.refused_honest;
    }
    const learn::Interval interval = learn::clopper_pearson(refusals, trials);
    out.push_back({{"id", threat},
                   {"undefended_harm", harm},
                   {"defended_refused", refused},
                   {"twin_passes", passes},
                   {"trials", trials},
                   {"rate", share(refusals, trials)},
                   {"rate_low", interval.low},
                   {"rate_high", interval.high},
                   {"false_positive_rate", share(refusals_honest, trials)}});
  }
  return out;
}

}  // namespace sallyport::drills
