// From the start of the command to the end of its tree: streams, limits, cancellation, and the outcome.
#pragma once

#include "services/sandbox/capture.h"
#include "services/sandbox/cgroup.h"
#include "services/sandbox/inside.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

struct Supervision {
  const Confinement& confinement;
  const Watch& watch;
  const Report& report;
  const Group& group;
  int process = -1;  // the pidfd of init
  Capture& out;
  Capture& err;
};

// Blocks until every process of the sandbox is gone. Error when the sandbox could not be built, the command
// not executed or a stream not written; the tree is gone then too.
Result<Outcome> supervise(const Supervision& supervision);

}  // namespace sallyport::services::sandbox::detail
