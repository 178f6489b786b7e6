// SHA-256 of many files, on all cores and several files a core at once.
#pragma once

#include <filesystem>
#include <span>
#include <vector>

#include "core/env.h"
#include "core/result.h"

namespace sallyport {

// The digests in the order of the paths. Largest first is the fastest order. Ends with the first Error there
// is: a path that is no regular file, or one that cannot be read. `threads` as for parallel_for.
Result<std::vector<Env::FileDigest>> digest_files(Env& env, std::span<const std::filesystem::path> paths,
                                                  unsigned threads);

}  // namespace sallyport
