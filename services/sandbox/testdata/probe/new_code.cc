#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

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

constexpr std::array kProbes{
    Probe{"writable_code", writable_code},     Probe{"code_made_from_data", code_made_from_data},
    Probe{"execute_scratch", execute_scratch}, Probe{"execute_output", execute_output},
    Probe{"memory_file", memory_file},         Probe{"nameless_program", nameless_program},
};

}  // namespace

std::span<const Probe> new_code() { return kProbes; }

}  // namespace probe
