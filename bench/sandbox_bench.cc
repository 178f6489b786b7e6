// The sandbox: how long it takes to start, and what it costs a step that computes.
#include <algorithm>

#include "bench/bench.h"
#include "services/sandbox/sandbox.h"
#include "services/sandbox/testdata/table.h"

namespace sallyport::bench {
namespace {

namespace sandbox = services::sandbox;

constexpr int kStarts = 41;
constexpr int kRounds = 5;
constexpr double kNever = 1e9;

sandbox::Confinement confined(std::vector<std::string> command) {
  return {.command = std::move(command),
          .environment = {{"PATH", "/usr/bin:/bin"}},
          .executes = std::vector<std::string>{}};
}

Result<double> confined_s(const std::vector<std::string>& command) {
  const double start = now_s();
  const sandbox::Outcome outcome = TRY(sandbox::run(confined(command)));
  if (!outcome.succeeded()) return invalid("the confined command failed");
  return now_s() - start;
}

Result<double> bare_s(const std::vector<std::string>& command) {
  const Run run = TRY(run_program({.words = command}));
  if (run.exit_code != 0) return invalid("the bare command failed");
  return run.seconds;
}

// The table: one line a way out, and how many of those that work outside are blocked and attested.
Result<void> add_table(std::vector<Figure>& figures) {
  const std::vector<sandbox::testing::Trial> trials = TRY(sandbox::testing::try_all());
  double proven = 0, held = 0;
  for (const sandbox::testing::Trial& trial : trials) {
    const bool holds = trial.blocked && trial.attested;
    Figure line{.name = "  " + std::string(trial.tries),
                .value = holds ? 1.0 : 0.0,
                .unit = "held",
                .target = 1,
                .how = std::string(trial.name) + "; " + trial.attested_as};
    line.how += trial.possible ? "; works outside" : "; cannot be tried outside here: " + trial.outside;
    figures.push_back(std::move(line));
    proven += trial.possible ? 1 : 0;
    held += trial.possible && holds ? 1 : 0;
  }
  figures.push_back({.name = "sandbox: ways out, blocked and attested",
                     .value = proven == 0 ? 0 : 100 * held / proven,
                     .unit = "%",
                     .target = 100,
                     .how = std::to_string(static_cast<int>(proven)) + " that work outside, of " +
                            std::to_string(trials.size()) + " tried"});
  return {};
}

}  // namespace

Result<std::vector<Figure>> bench_sandbox() {
  std::vector<double> starts;
  for (int i = 0; i < kStarts; ++i) starts.push_back(TRY(confined_s({"/bin/true"})) * 1000);

  const std::vector<std::string> work{"/usr/bin/python3", "-c",
                                      "x = 1\n"
                                      "for i in range(40000000): x = (x * 1103515245 + 12345) & 0xffffffff"};
  // In turn, and the fastest of each: what else the machine does can only add to a run.
  double bare = kNever;
  double inside = kNever;
  for (int i = 0; i < kRounds; ++i) {
    bare = std::min(bare, TRY(bare_s(work)));
    inside = std::min(inside, TRY(confined_s(work)));
  }
  std::vector<Figure> figures{{.name = "sandbox: start of /bin/true",
                               .value = median(starts),
                               .unit = "ms",
                               .target = 15,
                               .better = Better::kLower,
                               .how = "median of " + std::to_string(kStarts) + " runs, all mechanisms"},
                              {.name = "sandbox: cost of a computing step",
                               .value = (inside / bare - 1) * 100,
                               .unit = "%",
                               .target = 2,
                               .better = Better::kLower,
                               .how = "python3 loop of " + std::to_string(static_cast<int>(bare + 0.5)) +
                                      " s, confined against bare, fastest of " + std::to_string(kRounds)}};
  TRY(add_table(figures));
  return figures;
}

}  // namespace sallyport::bench
