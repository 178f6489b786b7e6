// Artifacts on this machine's disk, in a trust::Store's folders, so that everything that reads a store reads
// them.
#pragma once

#include "core/env.h"
#include "services/tracking/blobs.h"

namespace sallyport::services::tracking {

// Makes the folders when they are missing, and removes what uploads of a killed server left. One process may
// have a directory open. `env` is outlived.
Result<std::unique_ptr<Blobs>> open_disk_blobs(Env& env, const fs::path& directory);

}  // namespace sallyport::services::tracking
