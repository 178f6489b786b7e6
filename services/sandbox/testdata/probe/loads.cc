#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>
#include <vector>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool spin() {
  volatile bool forever = true;
  while (forever) {
  }
  return false;
}
bool sleep_long() { return worked(static_cast<long>(::sleep(3600))); }
bool fork_bomb() {
  for (;;) {
    if (::fork() < 0) ::usleep(1000);
  }
}
bool memory_bomb() {
  for (;;) {
    void* const block = ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (block != MAP_FAILED) std::memset(block, 1, 1 << 20);
  }
}
bool memory_bomb_of_many() {
  for (int i = 0; i < 8; ++i) {
    if (::fork() == 0) memory_bomb();
  }
  return sleep_long();
}
bool fill(const std::string& folder, std::size_t bytes_each, bool forever) {
  const std::vector<char> block(bytes_each, 'x');
  for (int i = 0;; ++i) {
    const int file = ::open((folder + "/" + std::to_string(i)).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    std::size_t written = 0;
    long done = file;
    while (done >= 0 && written < block.size()) {
      done = ::write(file, block.data() + written, block.size() - written);
      if (done > 0) written += static_cast<std::size_t>(done);
    }
    const bool full = !worked(done);
    ::close(file);
    if (full && !forever) return false;
  }
}
bool fill_output() { return fill(text_of("PROBE_OUT"), 1 << 20, true); }
bool fill_output_sparsely() {
  const int file = ::open((text_of("PROBE_OUT") + "/sparse").c_str(), O_WRONLY | O_CREAT, 0644);
  return worked(::ftruncate(file, off_t{1} << 50U));
}
bool fill_scratch() { return fill("/tmp", 1 << 20, false); }
bool flood_of_denials() {
  for (;;) ::syscall(SYS_keyctl, 0, 0, 0);
}
bool foreign_calls() {
#if defined(__x86_64__)
  int result = 20;  // getpid of the 32-bit table
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  return result > 0;
#else
  return false;
#endif
}
bool leave_a_daemon() {
  if (::fork() != 0) return false;
  ::setsid();
  if (::fork() != 0) ::_exit(0);
  ::close(1);
  ::close(2);
  for (int i = 0;; ++i) {
    writes(text_of("PROBE_OUT") + "/daemon");
    ::usleep(1000);
  }
}
bool loud() {
  for (int i = 0; i < 100000; ++i) std::printf("line %d of many, to fill whatever listens\n", i);
  return false;
}

// A measure of each: what the machine allows, and the confinement does not.
bool many_processes() {
  constexpr std::size_t kMany = 128;
  std::vector<pid_t> children;
  while (children.size() < kMany) {
    const pid_t child = ::fork();
    if (!worked(child)) break;
    if (child == 0) {
      ::pause();
      ::_exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
  return children.size() == kMany;
}
bool much_memory() {
  constexpr std::size_t kMuch = 400U << 20U;
  void* const block = ::mmap(nullptr, kMuch, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!worked(block == MAP_FAILED ? -1 : 0)) return false;
  std::memset(block, 1, kMuch);
  return true;
}
bool much_disk() {
  const std::vector<char> block(1U << 20U, 'x');
  const int file = ::open((text_of("PROBE_OUT") + "/much").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
  for (int i = 0; i < 100; ++i) {
    if (!worked(::write(file, block.data(), block.size()))) return false;
  }
  return true;
}
bool mine() {
  const std::clock_t end = std::clock() + CLOCKS_PER_SEC * 3 / 2;
  volatile std::uint64_t nonce = 1;
  while (std::clock() < end) {
    for (int i = 0; i < 1000; ++i) nonce = nonce * 6364136223846793005ULL + 1442695040888963407ULL;
  }
  return true;
}
bool overstay() {
  ::usleep(1'500'000);
  return true;
}
bool core_dump() {
  const rlimit wanted{RLIM_INFINITY, RLIM_INFINITY};
  if (!worked(::setrlimit(RLIMIT_CORE, &wanted))) return false;
  const pid_t child = ::fork();
  if (child == 0) {
    if (::chdir(text_of("PROBE_OUT").c_str()) == 0) std::abort();
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  why = "no core was dumped";
  return WIFSIGNALED(status) && WCOREDUMP(status);
}

constexpr std::array kProbes{
    Probe{"spin", spin, false},
    Probe{"sleep", sleep_long, false},
    Probe{"fork_bomb", fork_bomb, false},
    Probe{"memory_bomb", memory_bomb, false},
    Probe{"memory_bomb_of_many", memory_bomb_of_many, false},
    Probe{"fill_output", fill_output, false},
    Probe{"fill_output_sparsely", fill_output_sparsely, false},
    Probe{"fill_scratch", fill_scratch, false},
    Probe{"flood_of_denials", flood_of_denials, false},
    Probe{"foreign_calls", foreign_calls, false},
    Probe{"daemon", leave_a_daemon, false},
    Probe{"loud", loud, false},
    Probe{"many_processes", many_processes, false},
    Probe{"much_memory", much_memory, false},
    Probe{"much_disk", much_disk, false},
    Probe{"mine", mine, false},
    Probe{"overstay", overstay, false},
    Probe{"core_dump", core_dump},
};

}  // namespace

std::span<const Probe> loads() { return kProbes; }

}  // namespace probe
