// Who the command is on the host, and how the host's files are made to look like its own.
//
// A caller that is root runs the command as nobody; binds are then id-mapped, so that the owner's files are
// readable, and what the command writes belongs to the owner again. Any other caller's command has its own
// id. Safe from any thread.
#pragma once

#include <filesystem>

#include "core/result.h"
#include "services/sandbox/fd.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::services::sandbox::detail {

struct Identity {
  bool nobody = false;  // runs as nobody rather than as the caller
  unsigned user = 0;    // on the host
  unsigned group = 0;
};

Identity identity();

// Writes the maps of a process that was cloned into a new user namespace: `inside` becomes the identity.
Result<void> map_ids(pid_t process, unsigned inside, const Identity& outside);

// A detached copy of the mounts at `path`, in which the owner of `path` is nobody. Empty when this kernel or
// the file system does not map ids.
Fd mapped_tree(const std::filesystem::path& path, const Identity& identity);

}  // namespace sallyport::services::sandbox::detail
