#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool trace_init() { return worked(::ptrace(PTRACE_ATTACH, 1, nullptr, nullptr)); }
bool trace_child() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0 ? 0 : errno);
  int status = 0;
  ::waitpid(child, &status, 0);
  why = std::strerror(WEXITSTATUS(status));
  return status == 0;
}
// Of a child, which its own user may read where anybody may.
bool read_memory() {
  char byte = 0;
  const pid_t child = ::fork();
  if (child == 0) {
    ::pause();
    ::_exit(0);
  }
  const iovec memory{&byte, 1};
  const bool success = worked(::process_vm_readv(child, &memory, 1, &memory, 1, 0));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return success;
}
bool environment_of_init() { return !read_all("/proc/1/environ").empty(); }
bool memory_of_init() { return worked(::open("/proc/1/mem", O_RDWR)); }
bool root_of_init() { return worked(::open("/proc/1/root/", O_RDONLY | O_DIRECTORY)); }
bool descriptors_of_init() { return worked(::open("/proc/1/fd", O_RDONLY | O_DIRECTORY)); }
bool signal_host() {
  // In a namespace of its own the host's number means nobody, and without one nobody's signals reach others.
  return worked(::kill(std::atoi(text_of("PROBE_HOST_PID").c_str()), 0));
}
bool signal_init() {
  ::kill(1, SIGKILL);
  ::kill(1, SIGTERM);
  why = "init is still there";
  return false;
}

constexpr std::array kProbes{
    Probe{"trace_init", trace_init},
    Probe{"trace_child", trace_child},
    Probe{"read_memory", read_memory},
    Probe{"environment_of_init", environment_of_init},
    Probe{"memory_of_init", memory_of_init},
    Probe{"root_of_init", root_of_init},
    Probe{"descriptors_of_init", descriptors_of_init},
    Probe{"signal_host", signal_host},
    Probe{"signal_init", signal_init},
};

}  // namespace

std::span<const Probe> processes() { return kProbes; }

}  // namespace probe
