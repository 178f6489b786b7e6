// The wheels of a change of dependencies: those that are accepted and those that are proposed, laid beside a
// repository's files for the guard that holds the one against the other.
#pragma once

#include <filesystem>
#include <vector>

#include "core/env.h"
#include "core/guard.h"
#include "core/result.h"

namespace sallyport::services::scan {

// The files of `folder`/accepted and `folder`/proposed that are wheels by name, as
// .sallyport/packages/accepted/NAME and so on. Error: neither folder is there, or a file cannot be read.
Result<std::vector<RepositoryFile>> read_wheels(Env& env, const std::filesystem::path& folder);

}  // namespace sallyport::services::scan
