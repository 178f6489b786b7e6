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
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/guard.h"
#include "core/result.h"
#include "services/scan/pack_memory.h"

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

  // Contents that an earlier scan read and that still stand in their packs: `files` has them without bytes.
  std::unordered_map<std::size_t, Remembered> remembered = {};
  std::shared_ptr<const PackFiles> packs = {};
  std::vector<Digest> digests = {};  // of as many of `files` as there are

  // Takes the bytes of those of `wanted` that are remembered out of their packs. Error: a pack changed.
  Result<void> load(const std::vector<std::size_t>& wanted, unsigned threads = 0);
  Digest digest_of(std::size_t file) const;
  std::uint64_t size_of(std::size_t file) const;
  void add_evidence(std::vector<RepositoryFile> evidence);
  RepositorySubject subject() const { return {.name = name, .files = files}; }
};

// Whether `folder` holds a repository: a .git folder, or a bare one.
bool is_repository(const std::filesystem::path& folder);

// The reading of a repository in its parts, for whoever has a use for the files of the folder while the
// history is read. A folder without history is read too: its files are all there is. With `since`, a name of
// a commit, only what changed since the history of HEAD met that commit's. 0 threads: one a core. With a
// memory, blobs of packs that it knows are left where they are (Repository::remembered).
class RepositoryReading {
 public:
  RepositoryReading(const std::filesystem::path& folder, const std::string& since, unsigned threads,
                    PackMemory* memory);
  ~RepositoryReading();
  RepositoryReading(const RepositoryReading&) = delete;
  RepositoryReading& operator=(const RepositoryReading&) = delete;

  // The files of the working folder. Error: it cannot be listed.
  Result<void> read_folder();
  // A file of the working folder; nullopt when it was not read. From any thread, until finish().
  struct Found {
    BytesView bytes;
    Digest digest;
  };
  std::optional<Found> find(std::string_view path) const;
  // What stands beside the folder, from any one thread. Error: the objects cannot be listed.
  Result<void> read_history();
  // Error: there is no commit `since`.
  Result<Repository> finish();

 private:
  class Parts;
  std::unique_ptr<Parts> parts_;
};

// All of it.
Result<Repository> read_repository(const std::filesystem::path& folder, const std::string& since = {},
                                   unsigned threads = 0, PackMemory* memory = nullptr);

}  // namespace sallyport::services::scan
