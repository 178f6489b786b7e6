// The system-call filter: what every confined process is refused, whatever its arguments or privileges.
//
// Ordinary computing is allowed. Refused are ways out (sockets of every family but AF_UNIX, namespaces,
// mounts), ways into other processes (ptrace, process_vm_*), large attack surfaces (io_uring, bpf, perf,
// userfaultfd, keyctl) and what only an administrator needs; numbers that this table has never heard of do
// not exist for the command. A refused call is notified to the sandbox's init, which counts it and answers
// EPERM.
//
// Programs are built once for each Rules and kept for the life of the process. Safe from any thread.
#pragma once

#include <linux/filter.h>

#include <span>
#include <string>
#include <vector>

#include "core/result.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

struct Rules {
  LocalSockets local_sockets = LocalSockets::kPairs;
  bool deny_new_code = false;    // by this filter, where the kernel has no PR_SET_MDWE
  bool loopback = false;         // TCP sockets are allowed
  bool listed_programs = false;  // execve is notified, execveat refused
  bool notify = true;            // false: refused without a count, on kernels that cannot notify

  auto operator<=>(const Rules&) const = default;
};

// The program to install; it lives as long as the process.
Result<std::span<const sock_filter>> filter_for(const Rules& rules);

// "socket(AF_INET)", "ptrace": what a notified call was, from its number and first arguments. Written for use
// in a process that must not allocate: the text is put into `out`, which is cut to fit and ends with a zero.
void describe_call(int number, std::uint64_t first, std::uint64_t second, std::span<char> out);

// SHA-256 over the table, so that an attestation says which filter stood.
Digest filter_digest();

}  // namespace sallyport::services::sandbox::detail
