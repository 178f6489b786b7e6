// What the processes of a pid namespace use, read from its own /proc: the fallback where no cgroup counts.
//
// Allocates nothing, since the sandbox's init calls it. A process that ends while it is read is passed over.
#pragma once

#include <cstdint>

namespace sallyport::services::sandbox::detail {

struct Sample {
  std::uint64_t cpu_ns = 0;   // of the living and of what they and the caller have reaped
  std::uint64_t bytes = 0;    // memory that is theirs alone: resident without what maps a file
  std::uint64_t threads = 0;  // without the caller's
};

// `proc` is a descriptor of a /proc that hides no process.
Sample sample_processes(int proc);

}  // namespace sallyport::services::sandbox::detail
