// The packages of a step: laid out from wheels that a lock file binds to bytes, and held against it again,
// file by file, as they are imported.
//
// No installer runs and nothing is built: each wheel must have one of the digests that the lock gives its
// package, and each of its files the digest of its RECORD (formats/wheel.h). Code that was compiled before
// and files that run when any Python starts are left out. The step sees them read-only, with a check that
// Python loads before anything else: a module comes from a file of these with its very digest, from the
// project's own reviewed code or from Python's own library, else it is not imported. What a program reads and
// executes as text by itself is not an import.
//
// Thread rule: any number of threads for different targets.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::services::packages {

// Where the step sees what lay_out made.
inline constexpr std::string_view kInside = "/packages";

struct LaidOut {
  std::size_t packages = 0;
  std::size_t files = 0;
  Digest lock = {};
  Digest tree = {};  // of the list of paths and digests, which is check/files.json
};
// {"packages","files","lock","tree"}
Json to_json(const LaidOut& laid);

// Makes `target` with site/ and check/ in it. kDenied: a wheel of a locked package has other bytes than the
// lock allows, or its files others than its RECORD says; kNotFound: a package has no wheel in the folder.
Result<LaidOut> lay_out(Env& env, const std::filesystem::path& lock, const std::filesystem::path& wheels,
                        const std::filesystem::path& target);

// What Python needs in its environment to see them, checked.
std::vector<std::pair<std::string, std::string>> environment();

// The check, as Python's sitecustomize: the packages in site/ and the list beside it.
std::string_view import_check();

}  // namespace sallyport::services::packages
