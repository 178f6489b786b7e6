// Files and the one that names them, durably: after a power cut at any moment the last one's old bytes stand
// or its new ones, and then every other file is whole.
//
// What write_durably would do twice, with one wait for the disk less: all bytes are synced together, since
// only the names must appear in order. Missing directories are made, durably too. For one thread at a time.
#pragma once

#include <span>

#include "core/env.h"

namespace sallyport::trust {

Result<void> publish(Env& env, std::span<const PendingFile> files, const PendingFile& last);

}  // namespace sallyport::trust
