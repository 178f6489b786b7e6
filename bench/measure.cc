// What the groups share: a clock, a median, and a program run to its end.
#include <fcntl.h>
#include <sys/resource.h>
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
  std::vector<std::string> settings;
  for (char** variable = environ; *variable != nullptr; ++variable) settings.emplace_back(*variable);
  for (const auto& [name, value] : program.environment) {
    std::erase_if(settings, [&](const std::string& setting) { return setting.starts_with(name + "="); });
    settings.push_back(name + "=" + value);
  }
  std::vector<char*> environment;
  for (std::string& setting : settings) environment.push_back(setting.data());
  environment.push_back(nullptr);
  const int null = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (null < 0) return fail(ErrorKind::kIo, "bench: cannot open /dev/null");
  const double start = now_s();
  // Not fork: copying the page tables of a bench that has measured for a while takes longer than what is
  // measured. The child touches nothing of ours.
  const pid_t child = ::vfork();
  if (child == 0) {
    ::alarm(program.limit_s);
    if (!program.folder.empty() && ::chdir(program.folder.c_str()) != 0) ::_exit(126);
    if (::dup2(null, STDOUT_FILENO) < 0 || ::dup2(null, STDERR_FILENO) < 0) ::_exit(126);
    ::execvpe(arguments[0], arguments.data(), environment.data());
    ::_exit(127);
  }
  ::close(null);
  if (child < 0) return fail(ErrorKind::kIo, "bench: cannot start a process");
  int status = 0;
  rusage used{};
  ::wait4(child, &status, 0, &used);
  const double seconds = now_s() - start;
  if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
    return fail(ErrorKind::kLimit, "not done within " + std::to_string(program.limit_s) + " s");
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) >= 126) {
    return invalid(program.words.front() + " could not be run");
  }
  constexpr std::uint64_t kUnit = 1024;  // of ru_maxrss
  return Run{.seconds = seconds,
             .exit_code = WEXITSTATUS(status),
             .peak_bytes = static_cast<std::uint64_t>(used.ru_maxrss) * kUnit};
}

}  // namespace sallyport::bench
