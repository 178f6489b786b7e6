#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/keyctl.h>
#include <linux/perf_event.h>
#include <sys/klog.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool io_uring() {
  io_uring_params parameters{};
  return worked(::syscall(SYS_io_uring_setup, 4, &parameters));
}
bool bpf_map() {
  std::array<std::uint32_t, 32> attributes{2 /* array */, 4, 4, 1};
  return worked(::syscall(SYS_bpf, 0 /* BPF_MAP_CREATE */, attributes.data(), sizeof(attributes)));
}
bool perf() {
  perf_event_attr attributes{};
  attributes.type = PERF_TYPE_SOFTWARE;
  attributes.size = sizeof(attributes);
  attributes.config = PERF_COUNT_SW_CPU_CLOCK;
  attributes.exclude_kernel = 1;
  return worked(::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, 0));
}
bool userfault() { return worked(::syscall(SYS_userfaultfd, O_CLOEXEC | 1)); }
bool keys() { return worked(::syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_USER_KEYRING, 1)); }
bool add_key() { return worked(::syscall(SYS_add_key, "user", "probe", "x", 1, KEY_SPEC_PROCESS_KEYRING)); }
bool kexec() { return worked(::syscall(SYS_kexec_load, 0, 0, nullptr, 0)); }
bool module() { return worked(::syscall(SYS_init_module, "x", 1, "")); }
bool kernel_log() { return worked(::klogctl(10, nullptr, 0)); }
bool unheard_of_call() {
  const long result = ::syscall(900);
  if (errno != ENOSYS) return true;
  return worked(result);
}
bool file_handle() {
  std::array<char, 160> room{};
  auto* handle = reinterpret_cast<struct file_handle*>(room.data());
  handle->handle_bytes = 128;
  int mount = 0;
  return worked(::name_to_handle_at(AT_FDCWD, "/usr", handle, &mount, 0));
}

constexpr std::array kProbes{
    Probe{"io_uring", io_uring},
    Probe{"bpf", bpf_map},
    Probe{"perf", perf},
    Probe{"userfaultfd", userfault},
    Probe{"keyctl", keys},
    Probe{"add_key", add_key},
    Probe{"kexec", kexec},
    Probe{"module", module},
    Probe{"kernel_log", kernel_log},
    Probe{"unheard_of_call", unheard_of_call},
    Probe{"file_handle", file_handle},
};

}  // namespace

std::span<const Probe> kernel() { return kProbes; }

}  // namespace probe
