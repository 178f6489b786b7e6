// The sandbox: how long it takes to start, and what it costs a step that computes.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "bench/bench.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::bench {
namespace {

namespace sandbox = services::sandbox;

constexpr int kStarts = 41;
constexpr int kRounds = 3;
double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

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
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  const double start = now_s();
  const pid_t child = ::fork();
  if (child == 0) {
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) return invalid("the bare command failed");
  return now_s() - start;
}

}  // namespace

Result<std::vector<Figure>> bench_sandbox() {
  std::vector<double> starts;
  for (int i = 0; i < kStarts; ++i) starts.push_back(TRY(confined_s({"/bin/true"})) * 1000);

  const std::vector<std::string> work{"/usr/bin/python3", "-c",
                                      "x = 1\n"
                                      "for i in range(60000000): x = (x * 1103515245 + 12345) & 0xffffffff"};
  std::vector<double> ratios;
  double bare = 0;
  for (int i = 0; i < kRounds; ++i) {
    bare = TRY(bare_s(work));
    ratios.push_back((TRY(confined_s(work)) / bare - 1) * 100);
  }
  return std::vector<Figure>{
      {.name = "sandbox: start of /bin/true", .value = median(starts), .unit = "ms", .target = 15,
       .better = Better::kLower, .how = "median of " + std::to_string(kStarts) + " runs, all mechanisms"},
      {.name = "sandbox: cost of a computing step", .value = median(ratios), .unit = "%", .target = 2,
       .better = Better::kLower,
       .how = "python3 loop of " + std::to_string(static_cast<int>(bare + 0.5)) +
              " s, confined against bare, median of 3"}};
}

}  // namespace sallyport::bench
