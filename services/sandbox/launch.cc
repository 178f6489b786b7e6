#include "services/sandbox/launch.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <optional>

#include "core/limits.h"
#include "services/sandbox/capture.h"
#include "services/sandbox/cgroup.h"
#include "services/sandbox/filter.h"
#include "services/sandbox/identity.h"
#include "services/sandbox/inside.h"
#include "services/sandbox/plan.h"
#include "services/sandbox/supervise.h"

namespace sallyport::services::sandbox::detail {
namespace {

std::unexpected<Error> os_error(const std::string& what, ErrorKind kind = ErrorKind::kIo) {
  return fail(kind, "sandbox: cannot " + what + ": " + std::strerror(errno));
}

struct Unmap {
  void operator()(Report* report) const { ::munmap(report, sizeof(Report)); }
};
using SharedReport = std::unique_ptr<Report, Unmap>;

Result<SharedReport> share_report() {
  void* const page =
      ::mmap(nullptr, sizeof(Report), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return os_error("share a page");
  return SharedReport(new (page) Report);
}

Result<std::pair<Fd, Fd>> make_pipe() {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return os_error("make a pipe");
  return std::pair(Fd(ends[0]), Fd(ends[1]));
}

bool can_notify() {
  seccomp_notif_sizes sizes{};
  return ::syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) == 0 && sizes.seccomp_notif <= 256 &&
         sizes.seccomp_notif_resp <= 256;
}

// Whether PR_SET_MDWE (65) exists: PR_GET_MDWE (66) asks without changing anything.
bool can_deny_new_code() { return ::prctl(66, 0, 0, 0, 0) >= 0; }

constexpr std::string_view kLacks[] = {
    "proc: no fresh /proc is allowed here; the command has an empty one",
    "hidepid: the command sees the command line of the sandbox's own init in /proc",
    "landlock: absent; mounts alone keep files apart",
    "new code: not controlled",
    "decoys: not watched; opening one is not reported",
};

// What is left when every process but init is gone, and init is on its way out: the kernel takes its time to
// take the namespaces apart. The next launch, or the end of the process, tidies up.
class Remains {
 public:
  static Remains& instance() {
    static Remains remains;
    return remains;
  }
  void add(Fd process, std::optional<Group> group) {
    const std::lock_guard lock(mutex_);
    left_.remove_if([](const Left& left) { return gone(left.process, WNOHANG); });
    if (!gone(process, WNOHANG)) left_.push_back({std::move(process), std::move(group)});
  }
  ~Remains() {
    for (const Left& left : left_) gone(left.process, 0);
  }

 private:
  struct Left {
    Fd process;
    std::optional<Group> group;
  };
  static bool gone(const Fd& process, int options) {
    siginfo_t info{};
    const auto id = static_cast<id_t>(process.get());
    return ::waitid(P_PIDFD, id, &info, WEXITED | __WALL | options) != 0 || info.si_pid != 0;
  }

  std::mutex mutex_;
  std::list<Left> left_;
};

class Launch {
 public:
  Launch(const Confinement& confinement, const Watch& watch, const Without& without)
      : confinement_(confinement), watch_(watch), without_(without) {}
  ~Launch() {
    return_folders();
    if (process_) Remains::instance().add(std::move(process_), std::move(group_));
  }
  Launch(const Launch&) = delete;
  Launch& operator=(const Launch&) = delete;

  Result<Outcome> run() {
    TRY(prepare());
    TRY(start());
    if (watch_.on_start) watch_.on_start(lacking());
    Supervision supervision{.confinement = confinement_,
                            .watch = watch_,
                            .report = *report_,
                            .group = *group_,
                            .process = process_.get(),
                            .out = out_,
                            .err = err_};
    Outcome outcome = TRY(supervise(supervision));
    outcome.confinement = digest_of(confinement_);
    outcome.degraded = lacking();
    add_programs(outcome);
    return outcome;
  }

 private:
  void add_programs(Outcome& outcome) const {
    for (std::size_t i = 0; i < programs_.size(); ++i) {
      outcome.programs.push_back(
          {.path = programs_[i].inside, .digest = programs_[i].digest, .executed = report_->executed[i]});
    }
  }

  void lack(std::string what) { degraded_.push_back(std::move(what)); }

  Result<void> prepare() {
    programs_ = TRY(programs_of(confinement_));
    plan_ = TRY(make_plan(confinement_, programs_));
    identity_ = identity();
    report_ = TRY(share_report());
    plan_.drop_groups = identity_.nobody;
    plan_.denials_max = limits::kSandboxDenialsMax;
    plan_.landlock_abi = without_.landlock ? 0 : landlock_abi();
    if (plan_.landlock_abi == 0) report_->lacks[static_cast<std::size_t>(Lack::kLandlock)] = true;
    plan_.notify = !without_.notification && can_notify();
    if (!plan_.notify) lack("seccomp notification: absent; calls are refused but not reported");
    const bool deny = confinement_.new_code == NewCode::kDeny;
    plan_.deny_new_code = deny && !without_.new_code_control && can_deny_new_code();
    if (deny && !plan_.deny_new_code) {
      lack("new code: no PR_SET_MDWE; the system-call filter refuses the usual ways");
    }
    plan_.filter = TRY(filter_for({.local_sockets = confinement_.local_sockets,
                                   .deny_new_code = deny && !plan_.deny_new_code,
                                   .loopback = confinement_.network == Network::kBroker,
                                   .listed_programs = plan_.restricted,
                                   .notify = plan_.notify}));
    group_.emplace(without_.cgroups ? Group::none() : Group::make(confinement_.limits));
    fall_back_from_cgroups();
    map_binds();
    return open_streams();
  }

  // Called again when a group turns out to be closed to us, so that everything here may be said twice.
  void fall_back_from_cgroups() {
    if (!group_->limits_memory())
      plan_.resource_limits.emplace_back(RLIMIT_DATA, confinement_.limits.memory_bytes);
    plan_.sample = !group_->limits_memory() || !group_->limits_processes() || !group_->counts_cpu();
  }

  std::vector<std::string> lacking() const {
    std::vector<std::string> all = degraded_;
    if (!group_->limits_memory()) {
      all.emplace_back(
          "cgroup memory: absent; each process has the limit for its data, and the sum is sampled");
    }
    if (!group_->limits_processes()) {
      all.emplace_back(
          "cgroup pids: absent; a resource limit holds in a user namespace, and the sum is sampled");
    }
    if (!group_->counts_cpu()) all.emplace_back("cgroup cpu: absent; processor time is sampled");
    for (std::size_t i = 0; i < std::size(kLacks); ++i) {
      if (report_->lacks[i]) all.emplace_back(kLacks[i]);
    }
    if (plan_.restricted && plan_.landlock_abi == 0) {
      all.emplace_back(
          "execution: no Landlock; in folders of libraries a notification alone refuses programs");
    } else if (plan_.restricted && !tells_programs()) {
      all.emplace_back("execution: programs are refused, but not reported; a loader may be started by hand");
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  bool tells_programs() const {
    return plan_.notify && !report_->lacks[static_cast<std::size_t>(Lack::kProc)];
  }

  // Without id mapping a writable folder is handed to nobody for the time of the run.
  void map_binds() {
    if (!identity_.nobody) return;
    bool unmapped = false;
    for (Entry& entry : plan_.entries) {
      if (entry.kind != Entry::Kind::kBind || entry.optional) continue;
      Fd tree = without_.id_mapping ? Fd() : mapped_tree(entry.source, identity_);
      if (tree) {
        entry.tree = tree.get();
        trees_.push_back(std::move(tree));
        continue;
      }
      unmapped = true;
      struct stat status {};
      if (!entry.writable || ::stat(entry.source.c_str(), &status) != 0) continue;
      if (::lchown(entry.source.c_str(), identity_.user, identity_.group) == 0) {
        lent_.emplace_back(entry.source, status);
      }
    }
    if (unmapped) {
      lack("id mapping: absent for a bind; the command reads what everybody may, and its files are nobody's");
    }
  }

  void return_folders() {
    for (const auto& [path, status] : lent_) {
      if (::lchown(path.c_str(), status.st_uid, status.st_gid) != 0) continue;
    }
    lent_.clear();
  }

  Result<void> open_streams() {
    out_ = TRY(Capture::open(Stream::kOut, confinement_.stdout_file, confinement_.limits.output_bytes));
    err_ = TRY(Capture::open(Stream::kErr, confinement_.stderr_file, confinement_.limits.output_bytes));
    null_ = Fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    if (!null_) return os_error("open /dev/null");
    std::tie(proceed_here_, proceed_there_) = swapped(TRY(make_pipe()));
    std::tie(lifeline_here_, lifeline_there_) = swapped(TRY(make_pipe()));
    if (confinement_.network == Network::kBroker) {
      if (!watch_.on_listening) return invalid("sandbox: a broker is declared, and nobody listens");
      int ends[2] = {-1, -1};
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return os_error("make a socket");
      handover_here_ = Fd(ends[0]);
      handover_there_ = Fd(ends[1]);
      plan_.handover = handover_there_.get();
    }
    plan_.proceed = proceed_there_.get();
    plan_.lifeline = lifeline_there_.get();
    plan_.descriptors = confinement_.inherited;
    plan_.descriptors.push_back({.host = out_.writing(), .inside = 1});
    plan_.descriptors.push_back({.host = err_.writing(), .inside = 2});
    const bool has_input = std::any_of(plan_.descriptors.begin(), plan_.descriptors.end(),
                                       [](const Inherited& fd) { return fd.inside == 0; });
    if (!has_input) plan_.descriptors.push_back({.host = null_.get(), .inside = 0});
    std::sort(plan_.descriptors.begin(), plan_.descriptors.end(),
              [](const Inherited& a, const Inherited& b) { return a.inside < b.inside; });
    plan_.tasks = group_->tasks();
    plan_.keep = plan_.tasks;
    plan_.keep.insert(plan_.keep.end(), {plan_.proceed, plan_.lifeline});
    if (plan_.handover >= 0) plan_.keep.push_back(plan_.handover);
    for (const Inherited& fd : plan_.descriptors) plan_.keep.push_back(fd.host);
    for (const Fd& tree : trees_) plan_.keep.push_back(tree.get());
    std::sort(plan_.keep.begin(), plan_.keep.end());
    return {};
  }

  static std::pair<Fd, Fd> swapped(std::pair<Fd, Fd> pipe) {
    return {std::move(pipe.second), std::move(pipe.first)};
  }

  Result<void> start() {
    pid_t child = -1;
    bool own_users = false;
    if (!without_.user_namespace) {
      limit_processes();
      child = clone(CLONE_NEWUSER);
      own_users = child >= 0;
    }
    if (child < 0 && identity_.nobody) {
      plan_.user = identity_.user;
      plan_.group = identity_.group;
      std::erase_if(plan_.resource_limits, [](const auto& limit) { return limit.first == RLIMIT_NPROC; });
      lack("user namespace: absent; the command is nobody of the host");
      child = clone(0);
    }
    if (child < 0) {
      const std::string hint =
          "allow unprivileged user namespaces (sysctl user.max_user_namespaces, AppArmor) or run as root";
      return fail(ErrorKind::kUnsupported,
                  "sandbox: cannot make namespaces: " + std::string(std::strerror(errno)), hint);
    }
    const Result<void> begun = begin(child, own_users);
    if (!begun) {
      // The lifeline ends the child, whatever it waits for.
      lifeline_here_.reset();
      proceed_here_.reset();
      ::waitid(P_PIDFD, static_cast<id_t>(process_.get()), nullptr, WEXITED | __WALL);
    }
    return begun;
  }

  // Counted per user and user namespace: without a namespace of its own, the host's other nobodies would
  // count. Init is one, and one more than allowed lets a sample or the cgroup see that the limit was hit.
  void limit_processes() {
    const auto most = static_cast<std::uint64_t>(confinement_.limits.processes) + 2;
    plan_.resource_limits.emplace_back(RLIMIT_NPROC, most);
  }

  pid_t clone(std::uint64_t more_spaces) {
    constexpr std::uint64_t kSpaces =
        CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNET | CLONE_NEWCGROUP;
    int descriptor = -1;
    clone_args args{};
    args.flags = kSpaces | more_spaces | CLONE_PIDFD;
    args.pidfd = reinterpret_cast<std::uint64_t>(&descriptor);
    if (group_->into() >= 0) {
      args.flags |= CLONE_INTO_CGROUP;
      args.cgroup = static_cast<std::uint64_t>(group_->into());
    }
    const auto child = static_cast<pid_t>(::syscall(SYS_clone3, &args, sizeof(args)));
    if (child == 0) enter(plan_, *report_);
    if (child > 0) process_ = Fd(descriptor);
    if (child < 0 && group_->into() >= 0) {
      group_->leave_unified();
      fall_back_from_cgroups();
      return clone(more_spaces);
    }
    return child;
  }

  Result<void> begin(pid_t child, bool own_users) {
    proceed_there_.reset();
    lifeline_there_.reset();
    handover_there_.reset();
    out_.close_writing();
    err_.close_writing();
    if (own_users) TRY(map_ids(child, kInsideId, identity_));
    if (::write(proceed_here_.get(), "x", 1) != 1 && errno != EPIPE) return os_error("start the command");
    if (!handover_here_) return {};
    const int listening = receive_descriptor(handover_here_.get());
    handover_here_.reset();
    // Init says itself why it ended before.
    if (listening < 0) return {};
    return watch_.on_listening(listening);
  }

  const Confinement& confinement_;
  const Watch& watch_;
  const Without without_;
  std::vector<Program> programs_;
  Plan plan_;
  Identity identity_;
  SharedReport report_;
  std::optional<Group> group_;
  std::vector<Fd> trees_;
  std::vector<std::pair<std::filesystem::path, struct stat>> lent_;
  Capture out_;
  Capture err_;
  Fd null_;
  Fd proceed_here_;
  Fd proceed_there_;
  Fd lifeline_here_;
  Fd lifeline_there_;
  Fd handover_here_;
  Fd handover_there_;
  Fd process_;
  std::vector<std::string> degraded_;
};

}  // namespace

Result<Outcome> run_without(const Confinement& confinement, const Watch& watch, const Without& without) {
  return Launch(confinement, watch, without).run();
}

}  // namespace sallyport::services::sandbox::detail
