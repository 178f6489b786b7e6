#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "services/sandbox/inside.h"

namespace sallyport::services::sandbox::detail {
namespace {

// glibc 2.36 declares these next to <linux/mount.h>, with which it clashes; the calls themselves are stable.
int open_tree(int folder, const char* path, unsigned flags) {
  return static_cast<int>(::syscall(SYS_open_tree, folder, path, flags));
}
int move_mount(int from, int to) {
  return static_cast<int>(
      ::syscall(SYS_move_mount, from, "", to, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH));
}
int set_attributes(int tree, std::uint64_t attributes) {
  mount_attr attr{.attr_set = attributes, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  return static_cast<int>(
      ::syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &attr, sizeof(attr)));
}

// Opens a mount point without following any link, so that what lies in a bind cannot lead it elsewhere.
int open_inside(int root, const char* path) {
  open_how how{.flags = O_PATH | O_CLOEXEC, .mode = 0, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS};
  return static_cast<int>(::syscall(SYS_openat2, root, path, &how, sizeof(how)));
}

const char* relative(const std::string& inside) { return inside.c_str() + 1; }

std::uint64_t attributes_of(const Entry& entry) {
  std::uint64_t attributes = MOUNT_ATTR_NOSUID;
  if (!entry.device) attributes |= MOUNT_ATTR_NODEV;
  if (!entry.writable) attributes |= MOUNT_ATTR_RDONLY;
  if (!entry.executable) attributes |= MOUNT_ATTR_NOEXEC;
  return attributes;
}

bool write_text(int root, const Entry& entry, Report& report) {
  const int file = ::openat(root, relative(entry.inside), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (file < 0) return errno == EEXIST || failed(report, "make a file", entry.inside.c_str());
  const ssize_t size = static_cast<ssize_t>(entry.source.size());
  const bool whole = ::write(file, entry.source.data(), entry.source.size()) == size;
  ::close(file);
  return whole || failed(report, "write a file", entry.inside.c_str());
}

bool attach(int root, int tree, const Entry& entry, Report& report) {
  const int target = open_inside(root, entry.inside.c_str());
  if (target < 0) return failed(report, "find the place for a mount", entry.inside.c_str());
  const bool done = move_mount(tree, target) == 0;
  ::close(target);
  return done || failed(report, "mount", entry.inside.c_str());
}

bool bind(int root, const Entry& entry, int tree, Report& report) {
  if (tree < 0 && entry.optional) return true;
  if (set_attributes(tree, attributes_of(entry)) != 0) {
    return failed(report, "restrict a bind", entry.inside.c_str());
  }
  const bool done = attach(root, tree, entry, report);
  ::close(tree);
  return done;
}

// The place is the current folder's: init stands in the new root, since mount() takes no descriptor.
bool scratch(const Entry& entry, Report& report) {
  unsigned long flags = MS_NOSUID | MS_NODEV;
  if (!entry.executable) flags |= MS_NOEXEC;
  return ::mount("tmpfs", relative(entry.inside), "tmpfs", flags, entry.source.c_str()) == 0 ||
         failed(report, "mount a scratch folder", entry.inside.c_str());
}

// Read-only throughout: nothing in /proc needs to be written by a computation, and much there is dangerous.
bool proc(const Entry& entry, Report& report) {
  const unsigned long flags = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY;
  if (::mount("proc", relative(entry.inside), "proc", flags, "hidepid=2") == 0) return true;
  report.lacks[static_cast<std::size_t>(Lack::kHiddenProc)] = true;
  if (::mount("proc", relative(entry.inside), "proc", flags, nullptr) == 0) return true;
  // A container that masks parts of its own /proc may not have a fresh one; an empty folder stays.
  report.lacks[static_cast<std::size_t>(Lack::kProc)] = true;
  return true;
}

bool cover(int root, const Entry& entry, Report& report) {
  const int target = open_inside(root, entry.inside.c_str());
  if (target < 0) return errno == ENOENT || failed(report, "hide a path", entry.inside.c_str());
  struct stat status {};
  const bool known = ::fstat(target, &status) == 0;
  ::close(target);
  if (!known) return failed(report, "look at a path to hide", entry.inside.c_str());
  const bool folder = S_ISDIR(status.st_mode);
  const int blank =
      open_tree(root, folder ? "dev/.empty" : "dev/.blank", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (blank < 0) return failed(report, "hide a path", entry.inside.c_str());
  return bind(root, entry, blank, report);
}

bool make(int root, const Entry& entry, int tree, Report& report) {
  switch (entry.kind) {
    case Entry::Kind::kFolder:
      return ::mkdirat(root, relative(entry.inside), 0755) == 0 || errno == EEXIST ||
             failed(report, "make a folder", entry.inside.c_str());
    case Entry::Kind::kText: return write_text(root, entry, report);
    case Entry::Kind::kLink:
      return ::symlinkat(entry.source.c_str(), root, relative(entry.inside)) == 0 ||
             failed(report, "make a link", entry.inside.c_str());
    case Entry::Kind::kBind: return bind(root, entry, tree, report);
    case Entry::Kind::kScratch: return scratch(entry, report);
    case Entry::Kind::kProc: return proc(entry, report);
    case Entry::Kind::kCover: return cover(root, entry, report);
  }
  return false;
}

// A folder of the old root on which the new one is mounted before it becomes the root. Binds were cloned
// before, so that it does not matter what it hides.
const char* base() {
  for (const char* folder : {"/tmp", "/mnt", "/usr"}) {
    struct stat status {};
    if (::stat(folder, &status) == 0 && S_ISDIR(status.st_mode)) return folder;
  }
  return "/";
}

bool clone_sources(const Plan& plan, std::span<int> trees, Report& report) {
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    const Entry& entry = plan.entries[i];
    trees[i] = entry.tree;
    if (entry.kind != Entry::Kind::kBind || entry.tree >= 0) continue;
    trees[i] = open_tree(AT_FDCWD, entry.source.c_str(),
                         OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE | AT_NO_AUTOMOUNT);
    if (trees[i] < 0 && !entry.optional) return failed(report, "bind", entry.source.c_str());
  }
  return true;
}

bool become_root(int root, Report& report) {
  if (::fchdir(root) != 0 || ::syscall(SYS_pivot_root, ".", ".") != 0)
    return failed(report, "change the root");
  if (::umount2(".", MNT_DETACH) != 0) return failed(report, "leave the old root");
  if (::chdir("/") != 0) return failed(report, "enter the new root");
  mount_attr attr{
      .attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOEXEC, .attr_clr = 0, .propagation = 0, .userns_fd = 0};
  if (::syscall(SYS_mount_setattr, AT_FDCWD, "/", 0, &attr, sizeof(attr)) != 0) {
    return failed(report, "make the root read-only");
  }
  return true;
}

}  // namespace

int open_full_proc() {
  const int context = static_cast<int>(::syscall(SYS_fsopen, "proc", FSOPEN_CLOEXEC));
  if (context < 0) return -1;
  int mount = -1;
  if (::syscall(SYS_fsconfig, context, FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) == 0) {
    mount = static_cast<int>(::syscall(SYS_fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY));
  }
  ::close(context);
  return mount;
}

bool build_root(const Plan& plan, Report& report) {
  std::array<int, 256> trees{};
  if (plan.entries.size() > trees.size()) {
    errno = E2BIG;
    return failed(report, "hold so many binds");
  }
  // Nothing that is mounted here may reach the host, or the reverse.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    return failed(report, "make the mounts private");
  }
  if (!clone_sources(plan, trees, report)) return false;
  const char* const place = base();
  constexpr unsigned long kFlags = MS_NOSUID | MS_NODEV | MS_NOEXEC;
  if (::mount("tmpfs", place, "tmpfs", kFlags, "mode=0755,size=4m,nr_inodes=4096") != 0) {
    return failed(report, "mount a new root");
  }
  const int root = ::open(place, O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (root < 0 || ::fchdir(root) != 0) return failed(report, "open the new root");
  for (std::size_t i = 0; i < plan.entries.size(); ++i) {
    if (!make(root, plan.entries[i], trees[i], report)) return false;
  }
  if (!become_root(root, report)) return false;
  ::close(root);
  return true;
}

}  // namespace sallyport::services::sandbox::detail
