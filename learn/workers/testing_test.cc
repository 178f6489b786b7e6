#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <sstream>

#include "learn/worker.h"
#include "learn/workers/testing.h"
#include "tests/paths.h"

namespace sallyport::learn::workers {

namespace {

// Arguments and environment as spawn wants them, alive as long as this is.
class Strings {
 public:
  explicit Strings(std::vector<std::string> strings) : strings_(std::move(strings)) {
    for (std::string& text : strings_) pointers_.push_back(text.data());
    pointers_.push_back(nullptr);
  }
  char* const* get() { return pointers_.data(); }

 private:
  std::vector<std::string> strings_;
  std::vector<char*> pointers_;
};

int wait_for(int pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string binary(const std::string& name) { return tests::build_dir() + "/sallyport-" + name; }

}  // namespace

TemporaryFolder::TemporaryFolder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "sallyport-test.XXXXXX").string();
  SP_CHECK(::mkdtemp(pattern.data()) != nullptr);
  path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Ended run_worker(const std::string& name, const std::vector<std::string>& words,
                 const std::vector<std::pair<std::string, std::string>>& environment) {
  const TemporaryFolder folder;
  const std::string log = folder.path() / "stderr";
  std::vector<std::string> argv{binary(name)};
  argv.insert(argv.end(), words.begin(), words.end());
  std::vector<std::string> variables;
  for (const auto& [key, value] : environment) variables.push_back(key + "=" + value);
  Strings arguments(std::move(argv));
  Strings env(std::move(variables));
  posix_spawn_file_actions_t actions;
  SP_CHECK(::posix_spawn_file_actions_init(&actions) == 0);
  ::posix_spawn_file_actions_addopen(&actions, 2, log.c_str(), O_WRONLY | O_CREAT, 0600);
  int pid = -1;
  const int failed = ::posix_spawn(&pid, arguments.get()[0], &actions, nullptr, arguments.get(), env.get());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return {.status = -1, .stderr_text = "cannot start " + binary(name)};
  Ended out{.status = wait_for(pid)};
  std::ifstream file(log);
  std::stringstream text;
  text << file.rdbuf();
  out.stderr_text = text.str();
  return out;
}

RunningWorker::RunningWorker(const std::string& name) {
  std::array<int, 2> ends{};
  SP_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
  // Another number than 3, because a copy onto itself would keep the close-on-exec mark.
  const int theirs = ::fcntl(ends[1], F_DUPFD_CLOEXEC, 10);
  ::close(ends[1]);
  socket_ = ends[0];
  Strings arguments({binary(name)});
  Strings env({});
  posix_spawn_file_actions_t actions;
  SP_CHECK(::posix_spawn_file_actions_init(&actions) == 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs, worker::kDescriptor);
  const int failed = ::posix_spawn(&pid_, arguments.get()[0], &actions, nullptr, arguments.get(), env.get());
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(theirs);
  SP_CHECK(failed == 0);
}

RunningWorker::~RunningWorker() {
  ::close(socket_);
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    wait_for(pid_);
  }
}

int RunningWorker::wait() {
  const int status = wait_for(pid_);
  pid_ = -1;
  return status;
}

}  // namespace sallyport::learn::workers
