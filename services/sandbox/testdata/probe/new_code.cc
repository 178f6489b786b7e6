#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>
#include <thread>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool writable_code() {
  return worked(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                       0) == MAP_FAILED
                    ? -1
                    : 0);
}
bool code_made_from_data() {
  void* const page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return worked(::mprotect(page, 4096, PROT_READ | PROT_EXEC));
}
bool execute_file(const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0755);
  if (!worked(file)) return false;
  constexpr std::string_view kScript = "#!/bin/true\n";
  const bool written = worked(::write(file, kScript.data(), kScript.size()));
  ::close(file);
  if (!written) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(path.c_str(), "probe", nullptr);
    ::_exit(errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  why = std::strerror(WEXITSTATUS(status));
  return status == 0;
}
bool execute_scratch() { return execute_file("/tmp/probe-script"); }
bool execute_output() { return execute_file(text_of("PROBE_OUT") + "/script"); }
bool memory_file() {
  const long fd = ::syscall(SYS_memfd_create, "probe", 0);
  if (!worked(fd)) return false;
  constexpr std::string_view kScript = "#!/bin/true\n";
  if (!worked(::write(static_cast<int>(fd), kScript.data(), kScript.size()))) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    const std::string path = "/proc/self/fd/" + std::to_string(fd);
    ::execl(path.c_str(), "probe", nullptr);
    ::_exit(errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0;
}
bool nameless_program() {
  const int file = ::open("/bin/true", O_RDONLY | O_CLOEXEC);
  const pid_t child = ::fork();
  if (child == 0) {
    std::array<char*, 2> arguments{const_cast<char*>("true"), nullptr};
    ::syscall(SYS_execveat, file, "", arguments.data(), environ, AT_EMPTY_PATH);
    ::_exit(errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  why = std::strerror(WEXITSTATUS(status));
  return status == 0;
}

// True when the program ran and ended well; what it says goes nowhere.
bool executes(const char* program, const char* argument) {
  const pid_t child = ::fork();
  if (child == 0) {
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    ::dup2(nowhere, 1);
    ::dup2(nowhere, 2);
    ::execl(program, program, argument, nullptr);
    ::_exit(errno);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  why = WIFEXITED(status) ? std::strerror(WEXITSTATUS(status)) : "it was killed";
  return status == 0;
}
bool other_program() { return executes("/bin/true", nullptr); }
bool other_interpreter() { return executes("/bin/sh", "/dev/null"); }

// The path of the loaded object whose name begins so: the loader, or the C library, which says its version
// when it is executed.
std::string loaded(std::string_view name) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    const std::size_t path = line.find('/');
    if (path == std::string::npos) continue;
    if (line.substr(line.rfind('/') + 1).starts_with(name)) return line.substr(path);
  }
  return "";
}
bool loader_by_hand() { return executes(loaded("ld-").c_str(), "/bin/true"); }
bool library_by_hand() { return executes(loaded("ld-").c_str(), loaded("libc.so").c_str()); }
bool library_as_program() { return executes(loaded("libc.so").c_str(), nullptr); }

// Two threads: one asks for a program that is allowed, the other changes the name behind its back.
bool exchanged_name() {
  constexpr int kTries = 200;
  const std::string allowed = text_of("PROBE_SETUID");
  for (int i = 0; i < kTries; ++i) {
    const pid_t child = ::fork();
    if (child == 0) {
      static std::array<char, 4096> name{};
      static const std::string first = allowed;
      std::strcpy(name.data(), first.c_str());
      std::thread([] {
        for (;;) {
          std::strcpy(name.data(), "/bin/true");
          std::strcpy(name.data(), first.c_str());
        }
      }).detach();
      for (int k = 0; k < 20; ++k) ::execl(name.data(), "probe", "no-such-probe", nullptr);
      ::_exit(3);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    if (status == 0) return true;
  }
  why = "none of many tries ran it";
  return false;
}

constexpr std::array kProbes{
    Probe{"writable_code", writable_code},
    Probe{"code_made_from_data", code_made_from_data},
    Probe{"execute_scratch", execute_scratch},
    Probe{"execute_output", execute_output},
    Probe{"memory_file", memory_file},
    Probe{"nameless_program", nameless_program},
    Probe{"other_program", other_program},
    Probe{"other_interpreter", other_interpreter},
    Probe{"loader_by_hand", loader_by_hand},
    Probe{"library_by_hand", library_by_hand},
    Probe{"library_as_program", library_as_program},
    Probe{"exchanged_name", exchanged_name},
};

}  // namespace

std::span<const Probe> new_code() { return kProbes; }

}  // namespace probe
