#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <string>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool user_namespace() { return worked(::unshare(CLONE_NEWUSER)); }
bool mount_namespace() { return worked(::unshare(CLONE_NEWNS)); }
bool clone_namespace() {
  const long child = ::syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, nullptr, nullptr, nullptr, 0);
  if (child == 0) ::_exit(0);
  return worked(child);
}
bool clone3_namespace() {
  std::array<std::uint64_t, 8> args{CLONE_NEWUSER, 0, 0, 0, SIGCHLD};
  const long child = ::syscall(SYS_clone3, args.data(), sizeof(args));
  if (child == 0) ::_exit(0);
  return worked(child);
}
bool join_namespace() {
  const int fd = ::open("/proc/self/ns/user", O_RDONLY | O_CLOEXEC);
  return worked(fd) && worked(::setns(fd, 0));
}
bool mount_scratch() { return worked(::mount("tmpfs", "/tmp", "tmpfs", 0, nullptr)); }
bool remount_writable() { return worked(::mount(nullptr, "/usr", nullptr, MS_REMOUNT | MS_BIND, nullptr)); }
bool unmount() { return worked(::umount2("/proc", MNT_DETACH)); }
bool open_mounts() { return worked(::syscall(SYS_open_tree, AT_FDCWD, "/", 1)); }
bool change_root() { return worked(::chroot("/tmp")); }
bool become_root() { return worked(::setuid(0)) && ::geteuid() == 0; }
bool become_other() { return worked(::setresuid(2, 2, 2)); }
bool setuid_program() {
  const std::string program = text_of("PROBE_SETUID");
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl(program.c_str(), "probe", "whoami", nullptr);
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  why = "ran as an ordinary user, status " + std::to_string(WEXITSTATUS(status));
  return WIFEXITED(status) && WEXITSTATUS(status) == 1;
}
bool whoami() { return ::geteuid() == 0; }
bool host_name() { return worked(::sethostname("probe", 5)); }
bool clock_set() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return worked(::clock_settime(CLOCK_REALTIME, &now));
}
bool raise_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_max += 1;
  return worked(::setrlimit(RLIMIT_NOFILE, &limit));
}
bool make_device() { return worked(::mknod("/tmp/disk", S_IFBLK | 0600, static_cast<dev_t>(0xfe00))); }
bool type_on_terminal() {
  const char key = 'x';
  const long result = ::ioctl(0, TIOCSTI, &key);
  if (result != 0 && errno == ENOTTY) return true;  // only the lack of a terminal stopped it
  return worked(result);
}

constexpr std::array kProbes{
    Probe{"user_namespace", user_namespace},
    Probe{"mount_namespace", mount_namespace},
    Probe{"clone_namespace", clone_namespace},
    Probe{"clone3_namespace", clone3_namespace},
    Probe{"join_namespace", join_namespace},
    Probe{"mount", mount_scratch},
    Probe{"remount_writable", remount_writable},
    Probe{"unmount", unmount},
    Probe{"open_mounts", open_mounts},
    Probe{"chroot", change_root},
    Probe{"become_root", become_root},
    Probe{"become_other", become_other},
    Probe{"setuid_program", setuid_program},
    Probe{"host_name", host_name},
    Probe{"clock", clock_set},
    Probe{"raise_limit", raise_limit},
    Probe{"make_device", make_device},
    Probe{"type_on_terminal", type_on_terminal},
    Probe{"whoami", whoami, false},
};

}  // namespace

std::span<const Probe> privileges() { return kProbes; }

}  // namespace probe
