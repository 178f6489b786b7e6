// A snapshot of OSV advisories that the user points at: a folder of JSON files, a zip of them as OSV
// publishes one for each ecosystem, or a folder of such zips.
//
// Advisories are told by the names of the packages that they may be about, before they are parsed, so that a
// snapshot of hundreds of thousands is read in seconds. Nothing is fetched.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/guard.h"
#include "core/result.h"
#include "formats/locked_packages.h"

namespace sallyport::services::scan {

// The packages that files of the repository fix to a version, each once.
std::vector<formats::LockedPackage> packages_of(std::span<const RepositoryFile> files);

// The advisories about one of `packages`, as files that stand beside a repository's own, below
// .sallyport/advisories/. Error: the snapshot cannot be read, or holds no advisory at all.
Result<std::vector<RepositoryFile>> read_advisories(Env& env, const std::filesystem::path& snapshot,
                                                    const std::vector<formats::LockedPackage>& packages);

}  // namespace sallyport::services::scan
