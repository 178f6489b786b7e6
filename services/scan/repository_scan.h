// What the guards of repositories say of a repository's files, on all cores. Internal to services/scan.
#pragma once

#include <string>
#include <vector>

#include "services/scan/cache.h"
#include "services/scan/judge.h"
#include "services/scan/repository.h"

namespace sallyport::services::scan {

// Of one guard, about one place of the repository.
struct Said {
  const Guard* guard = nullptr;
  std::vector<Finding> findings = {};
  std::optional<Error> error = {};       // it could not tell
  const RepositoryFile* file = nullptr;  // the only file that it looked at; nullptr: it saw all
};

// `of_models`, guards of files, are shown what only history holds and is no text. Guards that look at each
// file by itself are shown one file after the other, the others all that they need.
// What the cache holds for a file is taken from it. In the order of the guards, then of the files; what has
// neither findings nor an error is left out. Contents that somebody needs to see are loaded into the
// repository; its files are otherwise as they were. Error: a pack changed meanwhile.
Result<std::vector<Said>> ask_repository_guards(Repository& repository, std::span<const Armed> guards,
                                                std::span<const Armed> of_models, const ScanOptions& options,
                                                Cache* cache);

// The key of what is said of a file by `asked`, "file" or "repository".
Digest cache_key(std::string_view asked, std::string_view path, std::string_view commit,
                 const Digest& content);

}  // namespace sallyport::services::scan
