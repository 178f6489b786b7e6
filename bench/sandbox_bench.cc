// The sandbox: how long it takes to start, and what it costs a step that computes.
#include <algorithm>

#include "bench/bench.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::bench {
namespace {

namespace sandbox = services::sandbox;

constexpr int kStarts = 41;
constexpr int kRounds = 5;
constexpr double kNever = 1e9;

sandbox::Confinement confined(std::vector<std::string> command) {
  return {.command = std::move(command), .environment = {{"PATH", "/usr/bin:/bin"}}};
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
  return std::vector<Figure>{
      {.name = "sandbox: start of /bin/true", .value = median(starts), .unit = "ms", .target = 15,
       .better = Better::kLower, .how = "median of " + std::to_string(kStarts) + " runs, all mechanisms"},
      {.name = "sandbox: cost of a computing step", .value = (inside / bare - 1) * 100, .unit = "%",
       .target = 2, .better = Better::kLower,
       .how = "python3 loop of " + std::to_string(static_cast<int>(bare + 0.5)) +
              " s, confined against bare, fastest of " + std::to_string(kRounds)}};
}

}  // namespace sallyport::bench
