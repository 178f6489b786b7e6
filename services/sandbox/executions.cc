#include "services/sandbox/executions.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>

namespace sallyport::services::sandbox::detail {
namespace {

constexpr std::string_view kOwn = "/proc/self/";

// What the process itself would reach by the name. What leads through its own folder of /proc by a link is
// looked up in init's, and so refused.
int open_named(pid_t process, const char* name) {
  std::array<char, PATH_MAX + 64> path{};
  if (std::strncmp(name, kOwn.data(), kOwn.size()) == 0) {
    std::snprintf(path.data(), path.size(), "/proc/%d/%s", process, name + kOwn.size());
    return ::open(path.data(), O_PATH | O_CLOEXEC);
  }
  if (name[0] == '/') return ::open(name, O_PATH | O_CLOEXEC);
  std::snprintf(path.data(), path.size(), "/proc/%d/cwd", process);
  const int folder = ::open(path.data(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (folder < 0) return -1;
  const int file = ::openat(folder, name, O_PATH | O_CLOEXEC);
  const int why = errno;
  ::close(folder);
  errno = why;
  return file;
}

// "execute /usr/bin/nc"; of a long path the end, since that names the program.
void describe(const char* path, std::span<char> what) {
  constexpr std::string_view kVerb = "execute ";
  const std::size_t room = what.size() - kVerb.size() - 1;
  const std::size_t length = std::strlen(path);
  const char* shown = length > room ? path + (length - room) : path;
  std::snprintf(what.data(), what.size(), "%s%s", kVerb.data(), shown);
  for (char& letter : what) {
    if (letter != '\0' && (letter < ' ' || letter > '~')) letter = '?';
  }
}

void describe_file(int file, const char* name, std::span<char> what) {
  std::array<char, 64> link{};
  std::array<char, PATH_MAX> path{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", file);
  const ssize_t size = ::readlink(link.data(), path.data(), path.size() - 1);
  describe(size > 0 ? path.data() : name, what);
}

}  // namespace

void Executions::begin(const Plan& plan, const Report& report) {
  plan_ = &plan;
  proc_ = !report.lacks[static_cast<std::size_t>(Lack::kProc)];
  for (std::size_t i = 0; i < plan.allowed.size() && i < files_.size(); ++i) {
    struct stat status {};
    if (::stat(plan.allowed[i].c_str(), &status) == 0) files_[i] = {status.st_dev, status.st_ino};
  }
}

bool Executions::read_name(const seccomp_notif& request, pid_t command, std::span<char> name) const {
  const auto asking = static_cast<pid_t>(request.pid);
  if (asking == command && !begun_) {
    // Not yet the command, but a copy of this very process, which may not be looked into: what it points at
    // is here too.
    for (const std::string& program : plan_->programs) {
      if (reinterpret_cast<std::uint64_t>(program.c_str()) != request.data.args[0]) continue;
      std::snprintf(name.data(), name.size(), "%s", program.c_str());
      return true;
    }
    return false;
  }
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d/mem", asking);
  const int memory = ::open(path.data(), O_RDONLY | O_CLOEXEC);
  if (memory < 0) return false;
  // A name may end just before a page that is not there: a page at a time.
  std::size_t size = 0;
  bool whole = false;
  while (!whole && size + 1 < name.size()) {
    constexpr std::uint64_t kPage = 4096;
    const std::uint64_t at = request.data.args[0] + size;
    const std::size_t wanted = std::min<std::size_t>(kPage - at % kPage, name.size() - 1 - size);
    const ssize_t got = ::pread(memory, name.data() + size, wanted, static_cast<off_t>(at));
    if (got <= 0) break;
    whole = std::memchr(name.data() + size, 0, static_cast<std::size_t>(got)) != nullptr;
    size += static_cast<std::size_t>(got);
  }
  ::close(memory);
  name[std::min(size, name.size() - 1)] = '\0';
  return whole;
}

bool Executions::allows(const seccomp_notif& request, int listener, pid_t command, Report& report,
                        std::span<char> what) {
  // Without /proc nobody's memory can be read: mounts and Landlock decide, and the outcome says so.
  const bool own = static_cast<pid_t>(request.pid) == command && !begun_;
  if (!proc_ && !own) return true;
  std::array<char, PATH_MAX> name{};
  const bool known = read_name(request, command, name);
  // The process may have died, and its number have gone to another.
  if (::ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &request.id) != 0 || !known) {
    describe("(unreadable)", what);
    return false;
  }
  const int file = open_named(static_cast<pid_t>(request.pid), name.data());
  // What is not there is looked for in the next folder: the kernel says the same.
  if (file < 0) return true;
  struct stat status {};
  const bool seen = ::fstat(file, &status) == 0;
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const File& allowed) {
    return seen && allowed.number != 0 && allowed.device == status.st_dev && allowed.number == status.st_ino;
  });
  if (found == files_.end()) describe_file(file, name.data(), what);
  ::close(file);
  if (found == files_.end()) return false;
  report.executed[static_cast<std::size_t>(found - files_.begin())] = true;
  if (own) begun_ = true;
  return true;
}

}  // namespace sallyport::services::sandbox::detail
