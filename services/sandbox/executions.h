// Init's judgement of each execve of a confinement that lists its programs: allowed, or refused and counted.
//
// Runs where nothing may allocate. The name is read from the memory of the process that asks, so that a
// second thread may change it before the kernel reads it again: Landlock and mounts, which refuse by the
// file, are what holds then, and a loader that is started by hand is what they alone would let through.
//
// For one thread, which is init's.
#pragma once

#include <linux/seccomp.h>
#include <sys/types.h>

#include <array>
#include <span>

#include "services/sandbox/inside.h"

namespace sallyport::services::sandbox::detail {

class Executions {
 public:
  // Looks the plan's programs up in the root that was built.
  void begin(const Plan& plan, const Report& report);

  // True: the kernel may go on. False: `what` says what was refused, and ends with a zero.
  bool allows(const seccomp_notif& request, int listener, pid_t command, Report& report,
              std::span<char> what);

 private:
  struct File {
    dev_t device = 0;
    ino_t number = 0;
  };

  // The name that execve was given; false when it cannot be read.
  bool read_name(const seccomp_notif& request, pid_t command, std::span<char> name) const;

  const Plan* plan_ = nullptr;
  std::array<File, Plan::kProgramsMax> files_ = {};
  bool proc_ = false;
  bool begun_ = false;  // the command's own memory is the command's now
};

}  // namespace sallyport::services::sandbox::detail
