// The host's side of a sandbox: builds it, starts its init, watches limits and says how it ended.
//
// run() of sandbox.h is run_without(…, {}). Tests and the doctor take mechanisms away, to see that what is
// left holds and that the outcome says what was missing.
#pragma once

#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

struct Without {
  bool user_namespace = false;
  bool id_mapping = false;
  bool landlock = false;
  bool cgroups = false;
  bool notification = false;
  bool new_code_control = false;  // PR_SET_MDWE; the filter then does what it can
};

Result<Outcome> run_without(const Confinement& confinement, const Watch& watch, const Without& without);

}  // namespace sallyport::services::sandbox::detail
