#include "services/sandbox/plan.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "core/limits.h"
#include "services/sandbox/programs.h"

namespace sallyport::services::sandbox::detail {
namespace {

namespace fs = std::filesystem;
using Kind = Entry::Kind;

// Places that the sandbox makes itself; a bind there would take them away.
constexpr std::array<std::string_view, 5> kReserved{"/", "/proc", "/dev", "/sys", "/tmp"};
constexpr std::array<std::string_view, 3> kClosed{"/proc/", "/dev/", "/sys/"};

// World-readable parts of /proc that tell of the host rather than of the command.
constexpr std::array<std::string_view, 10> kCoveredProc{
    "/proc/acpi", "/proc/bus",        "/proc/fs",       "/proc/irq",       "/proc/scsi",
    "/proc/keys", "/proc/interrupts", "/proc/kallsyms", "/proc/key-users", "/proc/cmdline"};

// Empty files that no computation has a reason to open. Where a bind brings its own, it stands.
constexpr std::array<std::string_view, 5> kDecoys{
    "/etc/shadow", "/root/.ssh/id_rsa", "/root/.aws/credentials", "/root/.netrc", "/root/.git-credentials"};

constexpr std::string_view kPasswd =
    "root:x:0:0:root:/nonexistent:/usr/sbin/nologin\n"
    "user:x:1000:1000:user:/tmp:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n";
constexpr std::string_view kGroup = "root:x:0:\nuser:x:1000:\nnogroup:x:65534:\n";
constexpr std::string_view kServices = "passwd: files\ngroup: files\nhosts: files\n";

std::unexpected<Error> malformed(const std::string& what) { return invalid("sandbox: " + what); }

Result<void> check_inside(const std::string& path, std::string_view what) {
  const std::string name = std::string(what) + " " + path;
  if (path.empty() || path.front() != '/') return malformed(name + ": not an absolute path");
  if (path.size() > limits::kPathBytesMax) return malformed(name.substr(0, 100) + ": path too long");
  if (path.find('\0') != std::string::npos) return malformed(name + ": holds a zero byte");
  if (fs::path(path).lexically_normal() != fs::path(path) || path.back() == '/') {
    return malformed(name + ": not in its plain form");
  }
  return {};
}

Result<void> check_binds(const Confinement& confinement) {
  std::set<std::string> seen;
  for (const Bind& bind : confinement.binds) {
    TRY(check_inside(bind.inside, "bind"));
    const std::string_view inside = bind.inside;
    const bool reserved = std::find(kReserved.begin(), kReserved.end(), inside) != kReserved.end() ||
                          std::any_of(kClosed.begin(), kClosed.end(),
                                      [&](std::string_view place) { return inside.starts_with(place); });
    if (reserved) return malformed("bind " + bind.inside + ": the sandbox has its own there");
    if (!seen.insert(bind.inside).second) return malformed("bind " + bind.inside + ": given twice");
    struct stat status {};
    if (::stat(bind.host.c_str(), &status) != 0) {
      return fail(ErrorKind::kNotFound, "sandbox: bind " + bind.host.string() + ": no such file or folder");
    }
    if (!S_ISDIR(status.st_mode) && !S_ISREG(status.st_mode)) {
      return malformed("bind " + bind.host.string() + ": neither a folder nor a regular file");
    }
  }
  for (const std::string& path : confinement.hidden) TRY(check_inside(path, "hidden path"));
  return {};
}

Result<void> check_limits(const Limits& given) {
  const auto positive = [](double value) { return std::isfinite(value) && value > 0; };
  if (!positive(given.wall_s) || !positive(given.cpu_s))
    return malformed("a time limit is not a positive number");
  if (given.processes < 1 || given.processes > limits::kSandboxProcessesMax) {
    return malformed("the limit of processes is not in [1, 1000000]");
  }
  if (given.open_files < 16) return malformed("the limit of open files is under 16");
  constexpr std::uint64_t kMost = std::uint64_t{1} << 60U;
  for (const std::uint64_t bytes :
       {given.memory_bytes, given.disk_bytes, given.scratch_bytes, given.output_bytes}) {
    if (bytes == 0 || bytes > kMost) return malformed("a limit of bytes is not in [1, 2^60]");
  }
  return {};
}

Result<void> check_rest(const Confinement& confinement) {
  if (confinement.command.empty() || confinement.command.front().empty()) return malformed("no command");
  for (const std::string& word : confinement.command) {
    if (word.find('\0') != std::string::npos) return malformed("the command holds a zero byte");
  }
  std::set<std::string> names;
  for (const auto& [name, value] : confinement.environment) {
    const bool plain = !name.empty() && name.find_first_of(std::string_view("=\0", 2)) == std::string::npos;
    if (!plain || value.find('\0') != std::string::npos)
      return malformed("a variable of the environment is malformed");
    if (!names.insert(name).second) return malformed("variable " + name + ": given twice");
  }
  std::set<int> numbers;
  for (const Inherited& fd : confinement.inherited) {
    if (fd.host < 0 || fd.inside < 0 || fd.inside >= 32 || fd.inside == 1 || fd.inside == 2) {
      return malformed("a descriptor to inherit is not 0 or in [3, 31]");
    }
    if (!numbers.insert(fd.inside).second) return malformed("a descriptor to inherit is given twice");
  }
  TRY(check_inside(confinement.cwd, "working folder"));
  if (confinement.executes && confinement.new_code == NewCode::kAnywhere) {
    return malformed("a list of programs excludes those that the command writes itself");
  }
  return check_limits(confinement.limits);
}

class Builder {
 public:
  Builder(const Confinement& confinement, const std::vector<Program>& programs)
      : confinement_(confinement), programs_(programs), restricted_(confinement.executes.has_value()) {}

  Plan build() {
    system_folders();
    etc();
    devices();
    process_folders();
    binds();
    programs();
    hidden();
    return std::move(plan_);
  }

 private:
  // A folder and its parents, but for those that a bind brings.
  void folder(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1)) {
      one_folder(path.substr(0, slash));
    }
    if (path != "/") one_folder(path);
  }
  void one_folder(const std::string& path) {
    if (in_bind(path) || !made_.insert(path).second) return;
    plan_.entries.push_back({.kind = Kind::kFolder, .inside = path});
  }
  void file(const std::string& path, std::string_view text) {
    if (in_bind(path)) return;
    folder(fs::path(path).parent_path());
    plan_.entries.push_back({.kind = Kind::kText, .inside = path, .source = std::string(text)});
  }
  bool in_bind(std::string_view path) const {
    return std::any_of(bound_.begin(), bound_.end(),
                       [&](const std::string& place) { return below(path, place); });
  }
  void mount_point(const std::string& inside, const fs::path& source) {
    std::error_code error;
    if (fs::is_directory(source, error)) return folder(inside);
    file(inside, "");
  }
  void system_bind(const std::string& path, bool executable, bool device = false) {
    std::error_code error;
    if (!fs::exists(path, error)) return;
    mount_point(path, path);
    plan_.entries.push_back({.kind = Kind::kBind,
                             .inside = path,
                             .source = path,
                             .executable = executable,
                             .device = device,
                             .optional = true});
  }

  void system_folders() {
    for (const std::string path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"}) {
      std::error_code error;
      if (fs::is_symlink(path, error)) {
        plan_.entries.push_back(
            {.kind = Kind::kLink, .inside = path, .source = fs::read_symlink(path, error)});
      } else if (fs::is_directory(path, error)) {
        system_bind(path, !restricted_ || is_library(path));
        plan_.grants.push_back({.inside = path, .execute = !restricted_});
        bound_.push_back(path);
      }
    }
    // A program that may not be executed is not to be mapped as code either, by a loader started by hand.
    for (const std::string_view path : kLibraryFolders) {
      std::error_code error;
      if (!restricted_ || !path.starts_with("/usr/") || fs::is_symlink(path, error)) continue;
      if (fs::is_directory(path, error)) system_bind(std::string(path), true);
    }
  }

  static bool is_library(std::string_view path) {
    return std::find(kLibraryFolders.begin(), kLibraryFolders.end(), path) != kLibraryFolders.end();
  }

  void programs() {
    if (!restricted_) return;
    for (const Program& program : programs_) {
      const bool mapped =
          !program.of_the_system || std::any_of(kLibraryFolders.begin(), kLibraryFolders.end(),
                                                [&](auto folder) { return below(program.inside, folder); });
      if (!mapped) system_bind(program.inside, true);
      plan_.grants.push_back({.inside = program.inside, .execute = true});
      plan_.allowed.push_back(program.inside);
    }
    for (const std::string_view loader : kLoaders) {
      plan_.grants.push_back({.inside = std::string(loader), .execute = true});
    }
  }

  void etc() {
    file("/etc/passwd", kPasswd);
    file("/etc/group", kGroup);
    file("/etc/nsswitch.conf", kServices);
    file("/etc/hosts", "127.0.0.1 localhost\n");
    system_bind("/etc/ld.so.cache", false);
    system_bind("/etc/alternatives", false);
    // Debian keeps parts of its Python here.
    std::error_code error;
    std::vector<std::string> found;
    for (fs::directory_iterator at("/etc", error), end; !error && at != end; at.increment(error)) {
      if (at->path().filename().native().starts_with("python3")) found.push_back(at->path());
    }
    std::sort(found.begin(), found.end());
    for (const std::string& path : found) system_bind(path, false);
    plan_.grants.push_back({.inside = "/etc"});
  }

  void devices() {
    folder("/dev/.empty");
    file("/dev/.blank", "");
    plan_.grants.push_back({.inside = "/dev"});
    for (const std::string name : {"null", "zero", "full", "random", "urandom"}) {
      system_bind("/dev/" + name, false, true);
      plan_.grants.push_back({.inside = "/dev/" + name, .device = true});
    }
    const auto link = [&](const char* name, const char* target) {
      plan_.entries.push_back({.kind = Kind::kLink, .inside = name, .source = target});
    };
    link("/dev/fd", "/proc/self/fd");
    link("/dev/stdin", "/proc/self/fd/0");
    link("/dev/stdout", "/proc/self/fd/1");
    link("/dev/stderr", "/proc/self/fd/2");
    scratch("/dev/shm");
    scratch("/tmp");
    folder("/var");
    link("/var/tmp", "/tmp");
    // Topology of the processors, which OpenMP, OpenVINO and the C library look for.
    for (const std::string path : {"/sys/devices/system/cpu", "/sys/devices/system/node"})
      system_bind(path, false);
    plan_.grants.push_back({.inside = "/sys"});
  }

  void scratch(const std::string& path) {
    folder(path);
    const std::string options =
        "mode=1777,nr_inodes=262144,size=" + std::to_string(confinement_.limits.scratch_bytes);
    const bool executable = confinement_.new_code == NewCode::kAnywhere;
    plan_.entries.push_back(
        {.kind = Kind::kScratch, .inside = path, .source = options, .executable = executable});
    plan_.grants.push_back({.inside = path, .write = true, .rendezvous = true, .execute = executable});
  }

  void process_folders() {
    folder("/proc");
    plan_.entries.push_back({.kind = Kind::kProc, .inside = "/proc"});
    for (const std::string_view path : kCoveredProc) {
      plan_.entries.push_back({.kind = Kind::kCover, .inside = std::string(path)});
    }
    plan_.grants.push_back({.inside = "/proc"});
  }

  void binds() {
    std::vector<const Bind*> sorted;
    for (const Bind& bind : confinement_.binds) sorted.push_back(&bind);
    std::sort(sorted.begin(), sorted.end(),
              [](const Bind* a, const Bind* b) { return a->inside < b->inside; });
    for (const std::string_view decoy : kDecoys) {
      const bool bound = std::any_of(sorted.begin(), sorted.end(),
                                     [&](const Bind* bind) { return below(decoy, bind->inside); });
      if (bound) continue;
      file(std::string(decoy), "");
      plan_.decoys.emplace_back(decoy);
      plan_.grants.push_back({.inside = std::string(decoy)});
    }
    for (const Bind* bind : sorted) {
      const bool write = bind->access == Access::kWrite;
      const bool executable = !write || confinement_.new_code == NewCode::kAnywhere;
      mount_point(bind->inside, bind->host);
      plan_.entries.push_back({.kind = Kind::kBind,
                               .inside = bind->inside,
                               .source = fs::absolute(bind->host),
                               .writable = write,
                               .executable = executable});
      plan_.grants.push_back({.inside = bind->inside, .write = write, .execute = executable && !restricted_});
      bound_.push_back(bind->inside);
    }
  }

  void hidden() {
    for (const std::string& path : confinement_.hidden) {
      plan_.entries.push_back({.kind = Kind::kCover, .inside = path});
      plan_.decoys.push_back(path);
    }
  }

  const Confinement& confinement_;
  const std::vector<Program>& programs_;
  const bool restricted_;
  Plan plan_;
  std::set<std::string> made_;
  std::vector<std::string> bound_;
};

void add_command(const Confinement& confinement, Plan& plan) {
  std::string path = "/usr/bin:/bin";
  for (const auto& [name, value] : confinement.environment) {
    if (name == "PATH") path = value;
    plan.texts.push_back(name + "=" + value);
  }
  const std::size_t variables = plan.texts.size();
  plan.texts.insert(plan.texts.end(), confinement.command.begin(), confinement.command.end());
  for (std::size_t i = 0; i < plan.texts.size(); ++i) {
    (i < variables ? plan.environment : plan.arguments).push_back(plan.texts[i].data());
  }
  plan.environment.push_back(nullptr);
  plan.arguments.push_back(nullptr);
  const std::string& program = confinement.command.front();
  if (program.find('/') != std::string::npos) return plan.programs.push_back(program);
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find(':', begin), path.size());
    if (end > begin) plan.programs.push_back(path.substr(begin, end - begin) + "/" + program);
    begin = end + 1;
  }
}

void add_resource_limits(const Limits& given, Plan& plan) {
  const auto seconds = static_cast<std::uint64_t>(std::ceil(given.cpu_s)) + 1;
  plan.resource_limits = {
      {RLIMIT_CORE, 0},
      {RLIMIT_CPU, seconds},
      {RLIMIT_FSIZE, std::max(given.disk_bytes, given.scratch_bytes)},
      {RLIMIT_NOFILE, static_cast<std::uint64_t>(given.open_files)},
      {RLIMIT_STACK, 8 * limits::kMiB},
      {RLIMIT_MEMLOCK, 8 * limits::kMiB},
      {RLIMIT_MSGQUEUE, 0},
      {RLIMIT_NICE, 0},
      {RLIMIT_RTPRIO, 0},
  };
}

}  // namespace

Result<Plan> make_plan(const Confinement& confinement, const std::vector<Program>& programs) {
  TRY(check_rest(confinement));
  TRY(check_binds(confinement));
  Plan plan = Builder(confinement, programs).build();
  plan.restricted = confinement.executes.has_value();
  add_command(confinement, plan);
  add_resource_limits(confinement.limits, plan);
  plan.cwd = confinement.cwd;
  return plan;
}

}  // namespace sallyport::services::sandbox::detail
