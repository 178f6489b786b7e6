// What the groups share: a clock, a median, and a program run to its end.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "bench/bench.h"

namespace sallyport::bench {

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

Scratch::Scratch()
    : path_(std::filesystem::temp_directory_path() / ("sallyport-bench-" + std::to_string(::getpid()))) {
  std::filesystem::create_directories(path_);
}
Scratch::~Scratch() {
  std::error_code code;
  std::filesystem::remove_all(path_, code);
}

Result<Run> run_program(const Program& program) {
  std::vector<char*> arguments;
  for (const std::string& word : program.words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // What waits to be printed would be printed once more by the child, which opens its output anew.
  std::fflush(nullptr);
  const double start = now_s();
  const pid_t child = ::fork();
  if (child < 0) return fail(ErrorKind::kIo, "bench: cannot fork");
  if (child == 0) {
    ::alarm(program.limit_s);
    if (!program.folder.empty() && ::chdir(program.folder.c_str()) != 0) ::_exit(126);
    for (const auto& [name, value] : program.environment) ::setenv(name.c_str(), value.c_str(), 1);
    if (::freopen("/dev/null", "w", stdout) == nullptr || ::freopen("/dev/null", "w", stderr) == nullptr) {
      ::_exit(126);
    }
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  const double seconds = now_s() - start;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return fail(ErrorKind::kLimit, "not done within " + std::to_string(program.limit_s) + " s");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) >= 126) {
    return invalid(program.words.front() + " could not be run");
  }
  return Run{.seconds = seconds, .exit_code = WEXITSTATUS(status)};
}

}  // namespace sallyport::bench
