// A repository as its guards see it: the files of the working folder, and everything that only its history
// holds.
//
// History is read from the object files themselves (services/scan/history.h). Git's own settings, logs and
// hooks are read as text, since no clone takes them along but a copy of the folder does.
// Nothing of git's runs. Symbolic links are not followed, submodules and alternates not entered. What could
// not be read is listed in `unread`, never passed over. Limits: those of formats/git.h, and
// limits::kFileBytesMax a file.
#pragma once

#include <filesystem>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/guard.h"
#include "core/result.h"

namespace sallyport::services::scan {

struct Repository {
  std::string name = {};
  // The working folder's files by path; git's settings; then what only history holds.
  std::vector<RepositoryFile> files = {};
  // Files from here on stand beside the repository's own, for the guards that see all: advisories, what is
  // known of its history.
  std::size_t evidence_from = static_cast<std::size_t>(-1);
  std::vector<std::string> unread = {};
  std::unordered_map<std::string, std::string> kinds =
      {};  // "commit message": of what no folder holds, by path
  // When only what changed since a commit was asked for: the files that did not, which `files` lacks, and
  // those that did, as they were.
  std::unordered_set<std::string> unchanged = {};
  std::vector<RepositoryFile> before = {};

  void add_evidence(std::vector<RepositoryFile> evidence);
  RepositorySubject subject() const { return {.name = name, .files = files}; }
};

// Whether `folder` holds a repository: a .git folder, or a bare one.
bool is_repository(const std::filesystem::path& folder);

// A folder without history is read too: its files are all there is. With `since`, a name of a commit, only
// what changed since the history of HEAD met that commit's. Error: there is no such commit. 0 threads: one a
// core.
Result<Repository> read_repository(const std::filesystem::path& folder, const std::string& since = {},
                                   unsigned threads = 0);

}  // namespace sallyport::services::scan
