// The files of the model versions that a project's registry has, laid beside a repository's files for the
// guard that finds weights.
//
// Only what the registrar signed and the log holds counts, never the registry's database.
#pragma once

#include <filesystem>
#include <vector>

#include "core/env.h"
#include "core/guard.h"
#include "core/result.h"

namespace sallyport::services::scan {

// One file, /evidence/registry.json, a path that no file of a repository can have:
// {"files": {SHA-256: "version 3 of digits"}}, where the highest version
// that has a file names it, with "retired" where that one is. Error: there is no project in the folder, or
// what its registry names is not in its store.
Result<std::vector<RepositoryFile>> read_registered(Env& env, const std::filesystem::path& project);

}  // namespace sallyport::services::scan
