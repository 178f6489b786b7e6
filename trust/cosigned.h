// The last checkpoint of a log that a quorum of witnesses cosigned, in the file `cosigned` beside the log's
// own checkpoint. Writers exclude one another as those of the log do. For one thread at a time.
#pragma once

#include <string>

#include "trust/tlog.h"

namespace sallyport::trust {

// That `log` extends `old`; the message names whose checkpoint that is: "this client has verified".
Result<void> check_extends(const Checkpoint& old, Log& log, const std::string& whose);

// Keeps a checkpoint of this log with the cosignatures that it got: as `cosigned`, unless a larger one is
// there, and as the checkpoint itself while no entry has come since.
Result<void> keep_cosigned(Env& env, const fs::path& log_directory, const LogKeys& keys, const Note& note);
// What was kept last; empty when nothing was.
Result<std::string> read_cosigned(Env& env, const fs::path& log_directory);

}  // namespace sallyport::trust
