// A repository as its guards see it: the files of the working folder, and everything that only its history
// holds.
//
// History is read from the object files themselves: every blob, reachable or not, and every commit message.
// Nothing of git's runs. Symbolic links are not followed, submodules and alternates not entered. What could
// not be read is listed in `unread`, never passed over. Limits: those of formats/git.h, and
// limits::kFileBytesMax a file.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/guard.h"
#include "core/result.h"

namespace sallyport::services::scan {

struct Repository {
  std::string name = {};
  // The working folder's files by path; then those of history, with the oldest commit that holds them.
  std::vector<RepositoryFile> files = {};
  std::vector<std::string> unread = {};

  RepositorySubject subject() const { return {.name = name, .files = files}; }
};

// Whether `folder` holds a repository: a .git folder, or a bare one.
bool is_repository(const std::filesystem::path& folder);

// A folder without history is read too: its files are all there is.
Result<Repository> read_repository(const std::filesystem::path& folder);

}  // namespace sallyport::services::scan
