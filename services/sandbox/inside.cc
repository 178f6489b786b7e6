#include "services/sandbox/inside.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <linux/seccomp.h>
#include <linux/securebits.h>
#include <poll.h>
#include <signal.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

#include "services/sandbox/executions.h"
#include "services/sandbox/filter.h"
#include "services/sandbox/sample.h"

namespace sallyport::services::sandbox::detail {
namespace {

constexpr int kSetMdwe = 65;  // PR_SET_MDWE, Linux 6.3
constexpr unsigned long kRefuseExecGain = 1;
constexpr int kSampleMs = 50;

std::uint64_t now_ns() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
         static_cast<std::uint64_t>(time.tv_nsec);
}

void lacks(Report& report, Lack lack) { report.lacks[static_cast<std::size_t>(lack)] = true; }

// The caller's signal handlers and mask mean nothing here.
void reset_signals() {
  struct sigaction standard {};
  standard.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &standard, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// Closes every descriptor but those of the sorted list.
bool close_others(std::span<const int> keep, Report& report) {
  unsigned next = 0;
  for (const int fd : keep) {
    const auto kept = static_cast<unsigned>(fd);
    if (kept > next && ::syscall(SYS_close_range, next, kept - 1, 0) != 0) {
      return failed(report, "close the caller's descriptors");
    }
    next = kept + 1;
  }
  return ::syscall(SYS_close_range, next, ~0U, 0) == 0 || failed(report, "close the caller's descriptors");
}

bool wait_for_caller(const Plan& plan) {
  char byte = 0;
  ssize_t got = 0;
  do got = ::read(plan.proceed, &byte, 1);
  while (got < 0 && errno == EINTR);
  return got == 1;
}

bool join_groups(const Plan& plan, Report& report) {
  for (const int file : plan.tasks) {
    if (::write(file, "0", 1) != 1) return failed(report, "join a cgroup");
    ::close(file);
  }
  return true;
}

// Raw calls: the C library's would try to change the ids of threads that exist in the caller alone.
bool take_identity(const Plan& plan, Report& report) {
  ::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
  if (plan.drop_groups && ::syscall(SYS_setgroups, 0, nullptr) != 0)
    return failed(report, "leave the groups");
  if (::syscall(SYS_setresgid, plan.group, plan.group, plan.group) != 0)
    return failed(report, "change the group");
  if (::syscall(SYS_setresuid, plan.user, plan.user, plan.user) != 0)
    return failed(report, "change the user");
  // The change of ids cleared the effective set where a root was left behind; the permitted one was kept.
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) != 0) return failed(report, "read capabilities");
  for (__user_cap_data_struct& part : data) part.effective = part.permitted;
  if (::syscall(SYS_capset, &header, data) != 0) return failed(report, "raise capabilities");
  return true;
}

bool drop_privileges(Report& report) {
  for (int capability = 0; capability < 64; ++capability) {
    if (::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0) break;
  }
  constexpr unsigned long kBits = SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_SETUID_FIXUP |
                                  SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_KEEP_CAPS_LOCKED |
                                  SECBIT_NO_CAP_AMBIENT_RAISE | SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED;
  if (::prctl(PR_SET_SECUREBITS, kBits, 0, 0, 0) != 0) return failed(report, "lock the secure bits");
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return failed(report, "drop capabilities");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return failed(report, "forbid new privileges");
  return true;
}

// Init itself runs under the filter that the command inherits, and answers for what the filter refuses.
int start_filter(const Plan& plan, Report& report) {
  sock_fprog program{.len = static_cast<unsigned short>(plan.filter.size()),
                     .filter = const_cast<sock_filter*>(plan.filter.data())};
  const unsigned long flags = plan.notify ? SECCOMP_FILTER_FLAG_NEW_LISTENER : 0;
  const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
  if (listener < 0) failed(report, "install the system-call filter");
  return static_cast<int>(listener);
}

bool limit_resources(const Plan& plan, Report& report) {
  for (const auto& [resource, value] : plan.resource_limits) {
    rlimit limit{};
    const auto which = static_cast<__rlimit_resource_t>(resource);
    ::getrlimit(which, &limit);
    limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(which, &limit) != 0) return failed(report, "set a resource limit");
  }
  return true;
}

// Two rounds, because a target number may be another's source.
bool place_descriptors(const Plan& plan, Report& report) {
  std::array<int, 64> moved{};
  int above = 0;
  for (const Inherited& fd : plan.descriptors) above = std::max(above, fd.inside + 1);
  for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
    moved[i] = ::fcntl(plan.descriptors[i].host, F_DUPFD_CLOEXEC, above);
    if (moved[i] < 0) return failed(report, "hand over a descriptor");
  }
  for (std::size_t i = 0; i < plan.descriptors.size(); ++i) {
    if (::dup2(moved[i], plan.descriptors[i].inside) < 0) return failed(report, "hand over a descriptor");
  }
  unsigned next = 0;
  for (const Inherited& fd : plan.descriptors) {
    const auto kept = static_cast<unsigned>(fd.inside);
    if (kept > next) ::syscall(SYS_close_range, next, kept - 1, 0);
    next = kept + 1;
  }
  return ::syscall(SYS_close_range, next, ~0U, CLOSE_RANGE_CLOEXEC) == 0 ||
         failed(report, "close descriptors");
}

[[noreturn]] void become_command(const Plan& plan, Report& report) {
  reset_signals();
  ::umask(022);
  bool ready = limit_resources(plan, report) && restrict_files(plan, report);
  if (ready && ::chdir(plan.cwd.c_str()) != 0) ready = failed(report, "enter", plan.cwd.c_str());
  if (ready && plan.deny_new_code && ::prctl(kSetMdwe, kRefuseExecGain, 0, 0, 0) != 0) {
    ready = failed(report, "deny new code in memory");
  }
  if (!ready || !place_descriptors(plan, report)) ::_exit(127);
  int why = ENOENT;
  for (const std::string& program : plan.programs) {
    ::execve(program.c_str(), plan.arguments.data(), plan.environment.data());
    if (errno != ENOENT && errno != ENOTDIR) why = errno;
  }
  report.not_executed = why;
  ::_exit(127);
}

class Init {
 public:
  // `proc` is for samples, where the plan wants them.
  Init(const Plan& plan, Report& report, int proc) : plan_(plan), report_(report), proc_(proc) {}

  // False when the command could not be started.
  bool start() {
    sigset_t children;
    ::sigemptyset(&children);
    ::sigaddset(&children, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &children, nullptr);
    signals_ = ::signalfd(-1, &children, SFD_CLOEXEC | SFD_NONBLOCK);
    if (signals_ < 0) return failed(report_, "watch the command");
    watch_decoys();
    if (plan_.restricted) executions_.begin(plan_, report_);
    if (plan_.sample && proc_ < 0) return failed(report_, "count what the command uses");
    if (!drop_privileges(report_)) return false;
    listener_ = start_filter(plan_, report_);
    if (listener_ < 0) return false;
    if (!plan_.notify) listener_ = -1;
    report_.started_ns = now_ns();
    report_.started = true;
    command_ = static_cast<pid_t>(::syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, 0));
    if (command_ == 0) become_command(plan_, report_);
    return command_ > 0 || failed(report_, "start a process");
  }

  [[noreturn]] void supervise() {
    std::array<pollfd, 4> watched{pollfd{signals_, POLLIN, 0}, pollfd{listener_, POLLIN, 0},
                                  pollfd{decoys_, POLLIN, 0}, pollfd{plan_.lifeline, POLLIN, 0}};
    for (;;) {
      const int ready = ::poll(watched.data(), watched.size(), plan_.sample ? kSampleMs : -1);
      if (watched[3].revents != 0) ::_exit(1);
      if (ready > 0 && watched[1].revents != 0) answer_refusal();
      if (ready > 0 && watched[2].revents != 0) count_decoys();
      if (ready > 0 && watched[0].revents != 0) reap();
      if (plan_.sample && now_ns() >= next_sample_ns_) take_sample();
    }
  }

 private:
  void watch_decoys() {
    decoys_ = ::inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    std::size_t count = 0;
    for (const std::string& path : plan_.decoys) {
      if (decoys_ < 0 || count == watches_.size()) break;
      watches_[count] = ::inotify_add_watch(decoys_, path.c_str(), IN_OPEN);
      ++count;
    }
    if (decoys_ < 0) lacks(report_, Lack::kDecoys);
  }

  void count_decoys() {
    alignas(inotify_event) std::array<char, 4096> buffer;
    const ssize_t size = ::read(decoys_, buffer.data(), buffer.size());
    ssize_t at = 0;
    while (at < size) {
      const auto* event = reinterpret_cast<const inotify_event*>(buffer.data() + at);
      for (std::size_t i = 0; i < plan_.decoys.size() && i < watches_.size(); ++i) {
        if (watches_[i] != event->wd) continue;
        std::array<char, 56> what{};
        std::strcpy(what.data(), "open ");
        std::strncat(what.data(), plan_.decoys[i].c_str(), what.size() - 6);
        count(what);
      }
      at += static_cast<ssize_t>(sizeof(inotify_event)) + event->len;
    }
  }

  void answer_refusal() {
    // Kernels may grow the structures; what is beyond ours is of no use here, but needs its room.
    alignas(8) std::array<char, 256> request_room{};
    alignas(8) std::array<char, 256> response_room{};
    auto* request = reinterpret_cast<seccomp_notif*>(request_room.data());
    auto* response = reinterpret_cast<seccomp_notif_resp*>(response_room.data());
    if (::ioctl(listener_, SECCOMP_IOCTL_NOTIF_RECV, request) != 0) return;
    std::array<char, 56> what{};
    response->id = request->id;
    if (request->data.nr == SYS_execve) {
      if (executions_.allows(*request, listener_, command_, report_, what)) {
        response->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, response);
        return;
      }
      response->error = -EACCES;
    } else {
      describe_call(request->data.nr, request->data.args[0], request->data.args[1], what);
      response->error = -EPERM;
    }
    count(what);
    ::ioctl(listener_, SECCOMP_IOCTL_NOTIF_SEND, response);
  }

  void count(const std::array<char, 56>& what) {
    const std::uint64_t total = ++report_.denials;
    std::size_t i = 0;
    while (i < report_.kinds && std::strcmp(report_.counts[i].what.data(), what.data()) != 0) ++i;
    if (i == Report::kKinds) --i;  // the last one stands for all that did not fit
    if (i == report_.kinds) {
      report_.counts[i].what = what;
      if (i == Report::kKinds - 1) std::strcpy(report_.counts[i].what.data(), "others");
      ++report_.kinds;
    }
    ++report_.counts[i].count;
    if (total > plan_.denials_max) ::_exit(1);
  }

  void reap() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof(info)) > 0) {
    }
    for (;;) {
      int status = 0;
      const pid_t gone = ::waitpid(-1, &status, WNOHANG);
      if (gone <= 0) return;
      if (gone == command_) finish(status);
    }
  }

  // The command is gone: so is everything that it left behind.
  [[noreturn]] void finish(int status) {
    report_.wait_status = status;
    report_.ended_ns = now_ns();
    ::kill(-1, SIGKILL);
    while (::waitpid(-1, &status, 0) > 0 || errno == EINTR) {
    }
    if (decoys_ >= 0) count_decoys();
    rusage usage{};
    ::getrusage(RUSAGE_CHILDREN, &usage);
    const auto ns = [](const timeval& time) {
      return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000ULL +
             static_cast<std::uint64_t>(time.tv_usec) * 1000ULL;
    };
    report_.children_cpu_ns = ns(usage.ru_utime) + ns(usage.ru_stime);
    report_.ended = true;
    ::_exit(0);
  }

  // A sample costs what there is to read; the pause after it keeps that under a fiftieth of the time.
  void take_sample() {
    const std::uint64_t begin = now_ns();
    const Sample sample = sample_processes(proc_);
    report_.sampled_cpu_ns = sample.cpu_ns;
    report_.sampled_bytes = sample.bytes;
    report_.sampled_threads = sample.threads;
    if (sample.bytes > report_.sampled_bytes_max) report_.sampled_bytes_max = sample.bytes;
    const std::uint64_t end = now_ns();
    next_sample_ns_ = end + std::max<std::uint64_t>(kSampleMs * 1'000'000ULL, 50 * (end - begin));
  }

  const Plan& plan_;
  Report& report_;
  int proc_;
  pid_t command_ = -1;
  int signals_ = -1;
  int listener_ = -1;
  int decoys_ = -1;
  std::array<int, 16> watches_{};
  std::uint64_t next_sample_ns_ = 0;
  Executions executions_ = {};
};

}  // namespace

bool failed(Report& report, const char* what, const char* on) {
  report.failed_errno = errno;
  report.failed_on = on;
  report.failed = what;
  return false;
}

void enter(const Plan& plan, Report& report) {
  reset_signals();
  ::prctl(PR_SET_NAME, "sallyport-init", 0, 0, 0);
  bool ready = close_others(plan.keep, report) && join_groups(plan, report) && wait_for_caller(plan);
  ready = ready && take_identity(plan, report);
  if (!ready) ::_exit(1);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  ::setsid();
  // Before the old root goes: a new /proc may be had only while a whole one is in sight.
  const int proc = plan.sample ? open_full_proc() : -1;
  if (!open_loopback(plan, report) || !build_root(plan, report)) ::_exit(1);
  ::sethostname("sandbox", 7);
  // A process that may not be dumped may not be traced or read through /proc by its own user either.
  ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
  Init init(plan, report, proc);
  if (!init.start()) ::_exit(1);
  init.supervise();
}

}  // namespace sallyport::services::sandbox::detail
