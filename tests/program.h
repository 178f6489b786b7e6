// The real program, listening, in a process of its own.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "core/json.h"
#include "tests/paths.h"

namespace sallyport::tests {

class Program {
 public:
  // `words` come after "sallyport"; `before` is what a shell puts before all of them, or "". Returns when the
  // program has told its port, or has ended without.
  explicit Program(std::vector<std::string> words, const std::string& before = {}) {
    int ends[2] = {-1, -1};
    if (::pipe2(ends, O_CLOEXEC) != 0) return;
    words.insert(words.begin(), sallyport());
    words.insert(words.end(), {"--port", "0", "--format", "json"});
    if (!before.empty()) words.insert(words.begin(), {"/bin/sh", "-c", "exec " + before + " \"$@\"", "sh"});
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    child_ = ::fork();
    if (child_ == 0) {
      ::dup2(ends[1], STDERR_FILENO);
      ::execv(arguments[0], arguments.data());
      ::_exit(127);
    }
    ::close(ends[1]);
    // Notes may come before the line that tells it.
    for (std::string line; port_ == 0 && read_line(ends[0], line);) {
      const auto event = parse_json(line);
      if (event && event->is_object()) port_ = event->value("port", std::uint16_t{0});
    }
    ::close(ends[0]);
  }
  ~Program() { kill(); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // As kill -9 does, and waits for it.
  void kill() {
    if (child_ <= 0) return;
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  // 0 when it does not listen.
  std::uint16_t port() const { return port_; }
  pid_t process() const { return child_; }

 private:
  static bool read_line(int from, std::string& line) {
    line.clear();
    char byte = 0;
    while (::read(from, &byte, 1) == 1) {
      if (byte == '\n') return true;
      line += byte;
    }
    return false;
  }

  pid_t child_ = -1;
  std::uint16_t port_ = 0;
};

}  // namespace sallyport::tests
