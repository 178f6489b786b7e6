#include "services/sandbox/filter.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>

namespace sallyport::services::sandbox::detail {
namespace {

// The newest call number that this table was read against: cachestat, mseal and the *xattrat family are
// known, io_uring-like newcomers after them are not, and what is unknown is answered ENOSYS.
constexpr int kNewestCall = 467;

struct Named {
  int number;
  std::string_view name;
};

// Refused with every argument. Numbers rather than SCMP_SYS where libseccomp is older than the call; they are
// the same on every architecture since Linux 5.0.
constexpr int kMemfdSecret = 447;
constexpr int kQuotactlFd = 443;
constexpr int kMountSetattr = 442;
constexpr int kMapShadowStack = 453;
constexpr int kStatmount = 457;
constexpr int kListmount = 458;
constexpr int kLsmSetSelfAttr = 460;
constexpr int kOpenTreeAttr = 467;

constexpr std::array kRefused{
    // Ways out of the namespaces, and into a different view of the files.
    Named{SCMP_SYS(unshare), "unshare"},
    Named{SCMP_SYS(setns), "setns"},
    Named{SCMP_SYS(mount), "mount"},
    Named{SCMP_SYS(umount2), "umount2"},
    Named{SCMP_SYS(pivot_root), "pivot_root"},
    Named{SCMP_SYS(chroot), "chroot"},
    Named{SCMP_SYS(open_tree), "open_tree"},
    Named{SCMP_SYS(move_mount), "move_mount"},
    Named{SCMP_SYS(fsopen), "fsopen"},
    Named{SCMP_SYS(fsconfig), "fsconfig"},
    Named{SCMP_SYS(fsmount), "fsmount"},
    Named{SCMP_SYS(fspick), "fspick"},
    Named{kMountSetattr, "mount_setattr"},
    Named{kOpenTreeAttr, "open_tree_attr"},
    Named{kStatmount, "statmount"},
    Named{kListmount, "listmount"},
    Named{SCMP_SYS(open_by_handle_at), "open_by_handle_at"},
    Named{SCMP_SYS(name_to_handle_at), "name_to_handle_at"},
    Named{SCMP_SYS(fanotify_init), "fanotify_init"},
    // Ways into other processes.
    Named{SCMP_SYS(ptrace), "ptrace"},
    Named{SCMP_SYS(process_vm_readv), "process_vm_readv"},
    Named{SCMP_SYS(process_vm_writev), "process_vm_writev"},
    Named{SCMP_SYS(process_madvise), "process_madvise"},
    Named{SCMP_SYS(pidfd_getfd), "pidfd_getfd"},
    Named{SCMP_SYS(kcmp), "kcmp"},
    // Large surfaces of the kernel that a computation has no use for.
    Named{SCMP_SYS(io_uring_setup), "io_uring_setup"},
    Named{SCMP_SYS(io_uring_enter), "io_uring_enter"},
    Named{SCMP_SYS(io_uring_register), "io_uring_register"},
    Named{SCMP_SYS(bpf), "bpf"},
    Named{SCMP_SYS(perf_event_open), "perf_event_open"},
    Named{SCMP_SYS(userfaultfd), "userfaultfd"},
    Named{SCMP_SYS(keyctl), "keyctl"},
    Named{SCMP_SYS(add_key), "add_key"},
    Named{SCMP_SYS(request_key), "request_key"},
    Named{SCMP_SYS(modify_ldt), "modify_ldt"},
    Named{kMapShadowStack, "map_shadow_stack"},
    Named{kLsmSetSelfAttr, "lsm_set_self_attr"},
    // Programs that exist in memory alone, which no digest names.
    Named{SCMP_SYS(memfd_create), "memfd_create"},
    Named{kMemfdSecret, "memfd_secret"},
    // The administrator's.
    Named{SCMP_SYS(kexec_load), "kexec_load"},
    Named{SCMP_SYS(kexec_file_load), "kexec_file_load"},
    Named{SCMP_SYS(init_module), "init_module"},
    Named{SCMP_SYS(finit_module), "finit_module"},
    Named{SCMP_SYS(delete_module), "delete_module"},
    Named{SCMP_SYS(reboot), "reboot"},
    Named{SCMP_SYS(swapon), "swapon"},
    Named{SCMP_SYS(swapoff), "swapoff"},
    Named{SCMP_SYS(acct), "acct"},
    Named{SCMP_SYS(quotactl), "quotactl"},
    Named{kQuotactlFd, "quotactl_fd"},
    Named{SCMP_SYS(sethostname), "sethostname"},
    Named{SCMP_SYS(setdomainname), "setdomainname"},
    Named{SCMP_SYS(settimeofday), "settimeofday"},
    Named{SCMP_SYS(clock_settime), "clock_settime"},
    Named{SCMP_SYS(clock_adjtime), "clock_adjtime"},
    Named{SCMP_SYS(adjtimex), "adjtimex"},
    Named{SCMP_SYS(iopl), "iopl"},
    Named{SCMP_SYS(ioperm), "ioperm"},
    Named{SCMP_SYS(syslog), "syslog"},
    Named{SCMP_SYS(vhangup), "vhangup"},
    Named{SCMP_SYS(lookup_dcookie), "lookup_dcookie"},
};

constexpr std::array kNamespaceFlags{
    std::uint64_t{CLONE_NEWNS},     std::uint64_t{CLONE_NEWUTS}, std::uint64_t{CLONE_NEWIPC},
    std::uint64_t{CLONE_NEWPID},    std::uint64_t{CLONE_NEWNET}, std::uint64_t{CLONE_NEWUSER},
    std::uint64_t{CLONE_NEWCGROUP},
};

constexpr std::array kFamilies{
    Named{AF_UNIX, "AF_UNIX"},       Named{AF_INET, "AF_INET"},           Named{AF_INET6, "AF_INET6"},
    Named{AF_NETLINK, "AF_NETLINK"}, Named{AF_PACKET, "AF_PACKET"},       Named{AF_VSOCK, "AF_VSOCK"},
    Named{AF_ALG, "AF_ALG"},         Named{AF_BLUETOOTH, "AF_BLUETOOTH"}, Named{AF_XDP, "AF_XDP"},
};

struct Context {
  scmp_filter_ctx handle = nullptr;
  int error = 0;

  // Keeps the first error; building goes on, so that the caller checks once.
  void add(std::uint32_t action, int call, std::initializer_list<scmp_arg_cmp> arguments = {}) {
    if (error != 0) return;
    const int done = seccomp_rule_add_array(handle, action, call, static_cast<unsigned>(arguments.size()),
                                            std::data(arguments));
    // A call that this architecture lacks needs no rule.
    if (done != 0 && done != -EDOM) error = done;
  }
};

scmp_arg_cmp masked(unsigned argument, std::uint64_t mask, std::uint64_t value) {
  return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}
scmp_arg_cmp differs(unsigned argument, std::uint64_t value) { return {argument, SCMP_CMP_NE, value, 0}; }

// The first two arguments of socket() are ints: only the low half of the register counts.
constexpr std::uint64_t kLow = 0xffffffffULL;

// A rule may look at an argument once: what is neither AF_UNIX nor TCP is told in pieces.
void add_socket_rules(Context& context, const Rules& rules, std::uint32_t refuse) {
  const bool named = rules.local_sockets == LocalSockets::kAny;
  const auto equal = [](unsigned argument, std::uint64_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_EQ, value, 0};
  };
  const auto above = [](unsigned argument, std::uint64_t value) {
    return scmp_arg_cmp{argument, SCMP_CMP_GT, value, 0};
  };
  const int call = SCMP_SYS(socket);
  if (!rules.loopback) {
    if (named) return context.add(refuse, call, {differs(0, AF_UNIX)});
    return context.add(refuse, call);
  }
  static_assert(AF_UNSPEC == 0 && AF_UNIX == 1 && AF_INET == 2);
  context.add(refuse, call, {equal(0, AF_UNSPEC)});
  if (!named) context.add(refuse, call, {equal(0, AF_UNIX)});
  context.add(refuse, call, {above(0, AF_INET)});
  constexpr std::uint64_t kTypes = 0xf;
  for (std::uint64_t type = 0; type <= kTypes; ++type) {
    if (type != SOCK_STREAM) context.add(refuse, call, {equal(0, AF_INET), masked(1, kTypes, type)});
  }
  for (std::uint64_t protocol = 1; protocol < IPPROTO_TCP; ++protocol) {
    context.add(refuse, call, {equal(0, AF_INET), equal(2, protocol)});
  }
  context.add(refuse, call, {equal(0, AF_INET), above(2, IPPROTO_TCP)});
}

void add_rules(Context& context, const Rules& rules, std::uint32_t refuse) {
  for (const Named& call : kRefused) context.add(refuse, call.number);
  // Flags lie in memory that the filter cannot read; the C library falls back to clone().
  context.add(SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
  for (const std::uint64_t flag : kNamespaceFlags) {
    context.add(refuse, SCMP_SYS(clone), {masked(0, flag, flag)});
  }
  add_socket_rules(context, rules, refuse);
  context.add(refuse, SCMP_SYS(socketpair), {differs(0, AF_UNIX)});
  // Typing into the terminal that the caller sits at.
  context.add(refuse, SCMP_SYS(ioctl), {masked(1, kLow, TIOCSTI)});
  context.add(refuse, SCMP_SYS(ioctl), {masked(1, kLow, TIOCLINUX)});
  if (rules.listed_programs) {
    context.add(refuse, SCMP_SYS(execveat));
    if (rules.notify) context.add(refuse, SCMP_SYS(execve));
  } else {
    context.add(refuse, SCMP_SYS(execveat), {masked(4, AT_EMPTY_PATH, AT_EMPTY_PATH)});
  }
  // 0xffffffff asks for the personality; every other value sets one, as READ_IMPLIES_EXEC.
  context.add(refuse, SCMP_SYS(personality), {differs(0, kLow)});
  if (!rules.deny_new_code) return;
  constexpr std::uint64_t kBoth = PROT_WRITE | PROT_EXEC;
  for (const int call : {SCMP_SYS(mmap), SCMP_SYS(mprotect), SCMP_SYS(pkey_mprotect)}) {
    context.add(refuse, call, {masked(2, kBoth, kBoth)});
  }
  context.add(refuse, SCMP_SYS(mprotect), {masked(2, PROT_EXEC, PROT_EXEC)});
  context.add(refuse, SCMP_SYS(pkey_mprotect), {masked(2, PROT_EXEC, PROT_EXEC)});
}

Result<std::vector<sock_filter>> exported(const Context& context) {
  const int file = ::memfd_create("filter", MFD_CLOEXEC);
  if (file < 0)
    return fail(ErrorKind::kIo, "sandbox: cannot keep the filter: " + std::string(strerror(errno)));
  const std::unique_ptr<const int, void (*)(const int*)> closer(&file, [](const int* fd) { ::close(*fd); });
  if (const int done = seccomp_export_bpf(context.handle, file); done != 0) {
    return fail(ErrorKind::kUnsupported, "sandbox: cannot build the filter: " + std::string(strerror(-done)));
  }
  const off_t size = ::lseek(file, 0, SEEK_END);
  std::vector<sock_filter> program(static_cast<std::size_t>(size) / sizeof(sock_filter));
  const ssize_t got = ::pread(file, program.data(), static_cast<std::size_t>(size), 0);
  if (got != size || program.empty())
    return fail(ErrorKind::kIo, "sandbox: the filter was not read back whole");
  return program;
}

Result<std::vector<sock_filter>> build(const Rules& rules) {
  Context context{.handle = seccomp_init(SCMP_ACT_ALLOW)};
  if (context.handle == nullptr) return fail(ErrorKind::kUnsupported, "sandbox: libseccomp does not start");
  const std::unique_ptr<void, void (*)(void*)> release(context.handle, seccomp_release);
  seccomp_attr_set(context.handle, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
  // A search tree instead of a chain: a call costs the logarithm of the table.
  seccomp_attr_set(context.handle, SCMP_FLTATR_CTL_OPTIMIZE, 2);
  add_rules(context, rules, rules.notify ? SCMP_ACT_NOTIFY : SCMP_ACT_ERRNO(EPERM));
  if (context.error != 0) {
    const std::string why = strerror(-context.error);
    return fail(ErrorKind::kUnsupported, "sandbox: cannot build the filter: " + why);
  }
  // libseccomp cannot say "any number above": two instructions before its program do.
  std::vector<sock_filter> program{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, kNewestCall, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
  };
  const std::vector<sock_filter> rest = TRY(exported(context));
  program.insert(program.end(), rest.begin(), rest.end());
  return program;
}

void print(std::span<char> out, const char* format, std::string_view name) {
  std::snprintf(out.data(), out.size(), format, static_cast<int>(name.size()), name.data());
}

}  // namespace

Result<std::span<const sock_filter>> filter_for(const Rules& rules) {
  static std::mutex mutex;
  static std::map<Rules, std::vector<sock_filter>> programs;
  const std::lock_guard lock(mutex);
  auto found = programs.find(rules);
  if (found == programs.end()) found = programs.emplace(rules, TRY(build(rules))).first;
  return std::span<const sock_filter>(found->second);
}

void describe_call(int number, std::uint64_t first, std::uint64_t second, std::span<char> out) {
  const auto named = [](const auto& table, std::uint64_t value) {
    const auto found = std::find_if(table.begin(), table.end(), [&](const Named& entry) {
      return static_cast<std::uint64_t>(entry.number) == value;
    });
    return found == table.end() ? std::string_view() : found->name;
  };
  if (number == SCMP_SYS(socket) || number == SCMP_SYS(socketpair)) {
    const std::string_view family = named(kFamilies, first & kLow);
    if (!family.empty()) return print(out, "socket(%.*s)", family);
    std::snprintf(out.data(), out.size(), "socket(%u)", static_cast<unsigned>(first));
    return;
  }
  if (number == SCMP_SYS(clone)) return print(out, "%.*s", "clone(new namespace)");
  if (number == SCMP_SYS(execveat)) return print(out, "%.*s", "execveat");
  if (number == SCMP_SYS(personality)) return print(out, "%.*s", "personality");
  if (number == SCMP_SYS(mmap) || number == SCMP_SYS(mprotect) || number == SCMP_SYS(pkey_mprotect)) {
    return print(out, "%.*s", "new code in memory");
  }
  if (number == SCMP_SYS(ioctl)) {
    return print(out, "%.*s", (second & kLow) == TIOCSTI ? "ioctl(TIOCSTI)" : "ioctl(TIOCLINUX)");
  }
  const std::string_view name = named(kRefused, static_cast<std::uint64_t>(number));
  if (!name.empty()) return print(out, "%.*s", name);
  std::snprintf(out.data(), out.size(), "call %d", number);
}

Digest filter_digest() {
  Hasher hasher;
  for (const Named& call : kRefused) hasher.add(as_bytes(std::string(call.name) + "\n"));
  Bytes limit;
  append_be(limit, kNewestCall, 4);
  hasher.add(limit);
  return hasher.finish();
}

}  // namespace sallyport::services::sandbox::detail
