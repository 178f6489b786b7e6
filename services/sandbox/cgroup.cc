#include "services/sandbox/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <ctime>
#include <mutex>
#include <sstream>
#include <utility>

namespace sallyport::services::sandbox::detail {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kPrefix = "sallyport-";

std::string read_text(const fs::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return {};
  std::string text;
  std::array<char, 4096> buffer;
  ssize_t got = 0;
  while ((got = ::read(file, buffer.data(), buffer.size())) > 0) {
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > 4 * 1024 * 1024) break;
  }
  ::close(file);
  return text;
}

bool write_text(const fs::path& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (file < 0) return false;
  const bool done = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  const int error = errno;
  ::close(file);
  errno = error;
  return done;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

bool contains(const std::vector<std::string>& list, std::string_view wanted) {
  return std::find(list.begin(), list.end(), wanted) != list.end();
}

// The number behind `key` in lines of "key number"; a file of one number has the empty key.
std::uint64_t number_of(const Fd& file, std::string_view key) {
  std::array<char, 1024> buffer;
  const ssize_t size = !file ? -1 : ::pread(file.get(), buffer.data(), buffer.size(), 0);
  if (size <= 0) return 0;
  for (const std::string& line : split({buffer.data(), static_cast<std::size_t>(size)}, '\n')) {
    if (!line.starts_with(key)) continue;
    const std::string_view rest = std::string_view(line).substr(key.size());
    const std::size_t digit = key.empty() ? 0 : 1;
    if (rest.size() <= digit || (digit == 1 && rest[0] != ' ')) continue;
    std::uint64_t value = 0;
    std::from_chars(rest.data() + digit, rest.data() + rest.size(), value);
    return value;
  }
  return 0;
}

Fd open_read(const fs::path& path) { return Fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

void sweep_once(const fs::path& parent) {
  static std::mutex mutex;
  static std::vector<fs::path> swept;
  const std::lock_guard lock(mutex);
  if (std::find(swept.begin(), swept.end(), parent) != swept.end()) return;
  swept.push_back(parent);
  sweep(parent);
}

}  // namespace

void sweep(const fs::path& parent) {
  std::error_code error;
  for (fs::directory_iterator at(parent, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename();
    if (!name.starts_with(kPrefix)) continue;
    pid_t owner = 0;
    std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), owner);
    if (owner > 0 && ::kill(owner, 0) != 0 && errno == ESRCH) ::rmdir(at->path().c_str());
  }
}

std::vector<Hierarchy> parse_hierarchies(std::string_view mountinfo, std::string_view cgroup) {
  // proc_pid_mountinfo(5): id parent major:minor root mountpoint options [optional…] - type source
  // superoptions
  std::vector<Hierarchy> hierarchies;
  for (const std::string& line : split(mountinfo, '\n')) {
    const std::vector<std::string> words = split(line, ' ');
    const auto dash = std::find(words.begin(), words.end(), "-");
    if (words.size() < 6 || words.end() - dash < 4) continue;
    const std::string& type = dash[1];
    if (type != "cgroup" && type != "cgroup2") continue;
    Hierarchy hierarchy{.unified = type == "cgroup2", .controllers = {}, .mount = words[4], .own = {}};
    if (!hierarchy.unified) hierarchy.controllers = split(dash[3], ',');
    for (const std::string& entry : split(cgroup, '\n')) {
      const std::size_t first = entry.find(':');
      const std::size_t second = first == std::string::npos ? first : entry.find(':', first + 1);
      if (second == std::string::npos) continue;
      const std::vector<std::string> names = split(entry.substr(first + 1, second - first - 1), ',');
      const bool same = hierarchy.unified
                            ? names.empty()
                            : std::any_of(names.begin(), names.end(), [&](const std::string& name) {
                                return contains(hierarchy.controllers, name);
                              });
      if (!same) continue;
      // The mount may show a part of the hierarchy: its root is then taken off the path.
      fs::path path = entry.substr(second + 1);
      if (words[3] != "/") path = path.lexically_relative(words[3]);
      path = path.relative_path();
      if (path.empty() || path == ".") {
        hierarchy.own = hierarchy.mount;
      } else if (*path.begin() != "..") {
        hierarchy.own = hierarchy.mount / path;
      }
    }
    if (!hierarchy.own.empty()) hierarchies.push_back(std::move(hierarchy));
  }
  return hierarchies;
}

Group Group::make(const Limits& limits) {
  static std::atomic<unsigned> counter = 0;
  Group group;
  group.name_ = std::string(kPrefix) + std::to_string(::getpid()) + "-" + std::to_string(++counter);
  group.place(parse_hierarchies(read_text("/proc/self/mountinfo"), read_text("/proc/self/cgroup")), limits);
  return group;
}

Group::~Group() {
  for (const fs::path& folder : folders_) {
    // A dead process leaves its group a moment after its parent has heard of its end.
    for (int attempt = 0; ::rmdir(folder.c_str()) != 0 && errno == EBUSY && attempt < 100; ++attempt) {
      const timespec pause{.tv_sec = 0, .tv_nsec = 1'000'000};
      ::nanosleep(&pause, nullptr);
    }
  }
}

fs::path Group::folder_in(const fs::path& parent) {
  const fs::path folder = parent / name_;
  if (std::find(folders_.begin(), folders_.end(), folder) != folders_.end()) return folder;
  sweep_once(parent);
  if (::mkdir(folder.c_str(), 0755) != 0) return {};
  folders_.push_back(folder);
  return folder;
}

void Group::place(const std::vector<Hierarchy>& hierarchies, const Limits& limits) {
  for (const Hierarchy& hierarchy : hierarchies) {
    if (hierarchy.unified) continue;
    const bool memory = contains(hierarchy.controllers, "memory");
    const bool processes = contains(hierarchy.controllers, "pids");
    const bool cpu = contains(hierarchy.controllers, "cpuacct");
    if (!memory && !processes && !cpu) continue;
    const fs::path folder = folder_in(hierarchy.own);
    if (folder.empty()) continue;
    Fd tasks(::open((folder / "tasks").c_str(), O_WRONLY | O_CLOEXEC));
    if (!tasks) continue;
    tasks_.push_back(std::move(tasks));
    if (memory) limit_memory(folder, false, limits);
    if (processes) limit_processes(folder, false, limits);
    if (cpu) count_cpu(folder, false);
  }
  if (memory_.found && processes_.found && cpu_.found) return;
  for (const Hierarchy& hierarchy : hierarchies) {
    if (hierarchy.unified) place_unified(hierarchy, limits);
  }
}

// Version 2 gives controllers to a group's children only while no process is in the group itself, so that a
// process that is not in the root finds its place beside its own group more often than in it.
void Group::place_unified(const Hierarchy& hierarchy, const Limits& limits) {
  for (const fs::path& parent : {hierarchy.own, hierarchy.own.parent_path()}) {
    if (parent.native().size() < hierarchy.mount.native().size()) break;
    const std::vector<std::string> given = split(read_text(parent / "cgroup.subtree_control"), ' ');
    const auto gives = [&](std::string_view controller) {
      return std::any_of(given.begin(), given.end(), [&](const std::string& word) {
        return word == controller || word == std::string(controller) + "\n";
      });
    };
    if (!gives("memory") && !gives("pids") && parent != hierarchy.mount) continue;
    const fs::path folder = folder_in(parent);
    if (folder.empty()) continue;
    if (!memory_.found && gives("memory")) limit_memory(folder, true, limits);
    if (!processes_.found && gives("pids")) limit_processes(folder, true, limits);
    if (!cpu_.found) count_cpu(folder, true);
    into_ = Fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    return;
  }
}

void Group::limit_memory(const fs::path& folder, bool unified, const Limits& limits) {
  const std::string bytes = std::to_string(limits.memory_bytes);
  if (unified) {
    if (!write_text(folder / "memory.max", bytes)) return;
    write_text(folder / "memory.swap.max", "0");
    write_text(folder / "memory.oom.group", "1");
    Fd peak = open_read(folder / "memory.peak");
    if (!peak) peak = open_read(folder / "memory.current");
    memory_ = {.found = true,
               .unified = true,
               .usage = std::move(peak),
               .events = open_read(folder / "memory.events")};
    return;
  }
  if (!write_text(folder / "memory.limit_in_bytes", bytes)) return;
  write_text(folder / "memory.memsw.limit_in_bytes", bytes);
  memory_ = {.found = true,
             .unified = false,
             .usage = open_read(folder / "memory.max_usage_in_bytes"),
             .events = open_read(folder / "memory.oom_control")};
}

void Group::limit_processes(const fs::path& folder, bool unified, const Limits& limits) {
  // One more, for the sandbox's own init.
  if (!write_text(folder / "pids.max", std::to_string(limits.processes + 1))) return;
  processes_ = {.found = true, .unified = unified, .usage = {}, .events = open_read(folder / "pids.events")};
}

void Group::count_cpu(const fs::path& folder, bool unified) {
  Fd usage = open_read(folder / (unified ? "cpu.stat" : "cpuacct.usage"));
  const bool found = static_cast<bool>(usage);
  cpu_ = {.found = found, .unified = unified, .usage = std::move(usage), .events = {}};
}

std::vector<int> Group::tasks() const {
  std::vector<int> tasks;
  for (const Fd& fd : tasks_) tasks.push_back(fd.get());
  return tasks;
}

void Group::leave_unified() {
  into_.reset();
  for (Part* part : {&memory_, &processes_, &cpu_}) {
    if (part->unified) *part = Part{};
  }
}

std::string Group::summary() const {
  std::array<std::string, 2> names;
  if (cpu_.found) names[cpu_.unified ? 1 : 0] += " cpu";
  if (memory_.found) names[memory_.unified ? 1 : 0] += " memory";
  if (processes_.found) names[processes_.unified ? 1 : 0] += " pids";
  std::string text;
  if (!names[0].empty()) text = "v1:" + names[0];
  if (!names[1].empty()) text += (text.empty() ? "v2:" : "; v2:") + names[1];
  return text;
}

Group::Usage Group::usage() const {
  Usage usage;
  if (cpu_.found) {
    usage.cpu_ns = cpu_.unified ? number_of(cpu_.usage, "usage_usec") * 1000 : number_of(cpu_.usage, "");
  }
  if (memory_.found) {
    usage.memory_peak_bytes = number_of(memory_.usage, "");
    usage.out_of_memory = number_of(memory_.events, "oom_kill") > 0;
  }
  if (processes_.found) usage.out_of_processes = number_of(processes_.events, "max") > 0;
  return usage;
}

}  // namespace sallyport::services::sandbox::detail
