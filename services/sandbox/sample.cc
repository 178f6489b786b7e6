#include "services/sandbox/sample.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string_view>

namespace sallyport::services::sandbox::detail {
namespace {

std::string_view read_small(int proc, const char* path, std::array<char, 1024>& buffer) {
  const int file = ::openat(proc, path, O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  const ssize_t size = ::read(file, buffer.data(), buffer.size());
  ::close(file);
  return size > 0 ? std::string_view(buffer.data(), static_cast<std::size_t>(size)) : std::string_view();
}

// The number that follows `skip` blanks.
std::uint64_t field(std::string_view text, int skip) {
  for (; skip > 0; --skip) {
    const std::size_t blank = text.find(' ');
    if (blank == std::string_view::npos) return 0;
    text.remove_prefix(blank + 1);
  }
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

void add_process(int proc, const char* id, Sample& sample) {
  const auto tick_ns = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const auto page_bytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  std::array<char, 64> path;
  std::array<char, 1024> buffer;
  std::snprintf(path.data(), path.size(), "%.20s/stat", id);
  std::string_view stat = read_small(proc, path.data(), buffer);
  // The name in brackets may hold anything; what follows the last bracket is numbers.
  const std::size_t bracket = stat.rfind(") ");
  if (bracket == std::string_view::npos) return;
  stat.remove_prefix(bracket + 2);
  // proc(5): state is field 3, utime to cstime are 14 to 17, num_threads is 20.
  for (int i = 14; i <= 17; ++i) sample.cpu_ns += field(stat, i - 3) * tick_ns;
  sample.threads += field(stat, 20 - 3);
  std::snprintf(path.data(), path.size(), "%.20s/statm", id);
  const std::string_view statm = read_small(proc, path.data(), buffer);
  const std::uint64_t resident = field(statm, 1);
  const std::uint64_t shared = field(statm, 2);
  if (resident > shared) sample.bytes += (resident - shared) * page_bytes;
}

struct FolderEntry {
  std::uint64_t inode;
  std::int64_t offset;
  unsigned short size;
  unsigned char type;
  char name[1];
};

}  // namespace

Sample sample_processes(int proc) {
  Sample sample;
  const int folder = ::openat(proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return sample;
  alignas(8) std::array<char, 8192> buffer;
  long size = 0;
  while ((size = ::syscall(SYS_getdents64, folder, buffer.data(), buffer.size())) > 0) {
    for (long at = 0; at < size;) {
      const auto* entry = reinterpret_cast<const FolderEntry*>(buffer.data() + at);
      const char* name = buffer.data() + at + offsetof(FolderEntry, name);
      at += entry->size;
      if (name[0] < '0' || name[0] > '9' || std::strcmp(name, "1") == 0) continue;
      add_process(proc, name, sample);
    }
  }
  ::close(folder);
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  for (const timeval& time : {usage.ru_utime, usage.ru_stime}) {
    sample.cpu_ns += static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
                     static_cast<std::uint64_t>(time.tv_usec) * 1000ULL;
  }
  return sample;
}

}  // namespace sallyport::services::sandbox::detail
