#include "services/sandbox/identity.h"

#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <mutex>
#include <string>

namespace sallyport::services::sandbox::detail {
namespace {

constexpr unsigned kNobody = 65534;

// In a container of one's own only some ids exist.
bool has_id(const char* map, unsigned id) {
  std::ifstream file(map);
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  while (file >> inside >> outside >> count) {
    if (id >= inside && id - inside < count) return true;
  }
  return false;
}

bool write_line(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  return file && ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

std::string map_line(unsigned inside, unsigned outside) {
  return std::to_string(inside) + " " + std::to_string(outside) + " 1";
}

// A user namespace that exists only to be named in an id-mapped mount: the process that it was made with
// waits until it is killed.
Fd make_namespace(unsigned owner, unsigned group, const Identity& identity) {
  clone_args args{};
  args.flags = CLONE_NEWUSER;
  const auto process = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
  if (process == 0) {
    for (;;) ::syscall(SYS_pause);
  }
  if (process < 0) return Fd();
  const std::string folder = "/proc/" + std::to_string(process);
  Fd space;
  if (write_line(folder + "/uid_map", map_line(owner, identity.user)) &&
      write_line(folder + "/gid_map", map_line(group, identity.group))) {
    space = Fd(::open((folder + "/ns/user").c_str(), O_RDONLY | O_CLOEXEC));
  }
  ::kill(process, SIGKILL);
  ::waitpid(process, nullptr, __WALL);
  return space;
}

// Kept for the life of the process: a handful of owners, a descriptor each.
int namespace_for(unsigned owner, unsigned group, const Identity& identity) {
  static std::mutex mutex;
  static std::map<std::pair<unsigned, unsigned>, Fd> spaces;
  const std::lock_guard lock(mutex);
  Fd& space = spaces[{owner, group}];
  if (!space) space = make_namespace(owner, group, identity);
  return space.get();
}

}  // namespace

Identity identity() {
  if (::geteuid() == 0 && has_id("/proc/self/uid_map", kNobody) && has_id("/proc/self/gid_map", kNobody)) {
    return {.nobody = true, .user = kNobody, .group = kNobody};
  }
  return {.nobody = false, .user = ::geteuid(), .group = ::getegid()};
}

Result<void> map_ids(pid_t process, unsigned inside, const Identity& outside) {
  const std::string folder = "/proc/" + std::to_string(process);
  // The kernel lets a process without privilege map its group only when it gives up changing groups.
  const bool mapped = (outside.nobody || write_line(folder + "/setgroups", "deny")) &&
                      write_line(folder + "/uid_map", map_line(inside, outside.user)) &&
                      write_line(folder + "/gid_map", map_line(inside, outside.group));
  if (mapped) return {};
  return fail(ErrorKind::kDenied, "sandbox: cannot map user ids: " + std::string(std::strerror(errno)));
}

Fd mapped_tree(const std::filesystem::path& path, const Identity& identity) {
  struct stat status {};
  if (!identity.nobody || ::stat(path.c_str(), &status) != 0) return Fd();
  const int space = namespace_for(status.st_uid, status.st_gid, identity);
  if (space < 0) return Fd();
  Fd tree(static_cast<int>(
      ::syscall(SYS_open_tree, AT_FDCWD, path.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)));
  mount_attr attributes{.attr_set = MOUNT_ATTR_IDMAP,
                        .attr_clr = 0,
                        .propagation = 0,
                        .userns_fd = static_cast<std::uint64_t>(space)};
  if (tree && ::syscall(SYS_mount_setattr, tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
                        sizeof(attributes)) != 0) {
    tree.reset();
  }
  return tree;
}

}  // namespace sallyport::services::sandbox::detail
