// Everything that only a repository's history holds: blobs of every commit, reachable or not, and the
// messages of commits and tags.
//
// Nothing of git's runs. What could not be read is listed, never passed over.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <unordered_set>
#include <vector>

#include "core/guard.h"
#include "core/result.h"
#include "formats/git.h"
#include "services/scan/pack_memory.h"
#include "services/scan/refs.h"

namespace sallyport::services::scan {

// In the place of a commit's id, for a blob that no commit holds: git's own word for "none".
inline constexpr std::string_view kNoCommit = "0000000000000000000000000000000000000000";

using BlobIds = std::unordered_set<formats::git::ObjectId, formats::git::IdHash>;

struct HistoryFiles {
  // Messages of commits from the oldest on, then of tags; then blobs by their ids. What has no path in any
  // folder is named by the place of its object, ".git/objects/ab/cdef...".
  std::vector<RepositoryFile> files = {};
  std::unordered_map<std::string, std::string> kinds =
      {};  // "commit message": of what no folder holds, by path
  std::vector<std::string> unread = {};
  // Of files that have no bytes here, by their number in `files`: what an earlier scan knew of them.
  std::unordered_map<std::size_t, Remembered> remembered = {};
  std::shared_ptr<const PackFiles> packs = {};
};

class History {
 public:
  // `objects` is the folder .git/objects. Error only when it cannot be listed. Packs that the memory knows
  // are not read again; it changes nothing of what is answered.
  static Result<History> read(const std::filesystem::path& objects, unsigned threads = 0,
                              PackMemory* memory = nullptr);

  // The commit where the history of HEAD and that of `base` met last. Error: there is no such name, or the
  // two have nothing in common.
  Result<formats::git::ObjectId> fork_of(const Refs& refs, const std::string& base) const;
  // The files of a commit by path. Error: a folder of it is missing or damaged.
  Result<std::map<std::string, formats::git::ObjectId>> tree_of(const formats::git::ObjectId& commit) const;
  // In the order of their ids; empty where there is no such object. Error: a pack changed meanwhile.
  Result<std::vector<Bytes>> blobs(const std::vector<formats::git::ObjectId>& ids) const;
  const formats::git::Objects& objects() const { return objects_; }
  // nullptr when the history lacks it.
  const formats::git::Commit* commit(const formats::git::ObjectId& id) const;
  // The commit and all that precede it. What is missing, as in a shallow clone, ends its line.
  BlobIds ancestors_of(const formats::git::ObjectId& commit) const;
  // The paths at which a tree differs from one before, with the new blob; of what is gone, an id of zeros.
  // Equal folders are not entered. Error: a folder is missing or damaged.
  Result<std::map<std::string, formats::git::ObjectId>> differences(
      const std::optional<formats::git::ObjectId>& before, const formats::git::ObjectId& after) const;

  // All but the blobs of `known`, which the working folder holds; with `since`, only commits that are no
  // ancestors of it, and what they brought. Leaves the objects without their bytes.
  HistoryFiles files(const BlobIds& known, std::optional<formats::git::ObjectId> since = {}) &&;

 private:
  struct Origin {
    std::string path;
    std::size_t commit = 0;
  };
  struct KnownPack {
    Mapping file;
    std::vector<PackedObject> objects = {};
  };
  // nullopt: what is there needs to be read without a memory.
  static Result<std::optional<History>> read_once(const std::filesystem::path& objects, unsigned threads,
                                                  PackMemory* memory);
  void add_file(const std::filesystem::path& path, const std::string& shown, bool pack, PackMemory* memory);
  Result<void> add_folder(const std::filesystem::path& folder, const std::string& shown, bool packs,
                          PackMemory* memory);
  void keep(const Digest& pack, PackMemory& memory) const;
  bool add_known();
  void read_commits();
  void walk(std::size_t commit, const formats::git::ObjectId& root, const BlobIds& known);
  void add_messages(const BlobIds& old, HistoryFiles& out);

  struct Dated {
    std::int64_t unix_s = 0;
    formats::git::ObjectId id = {};
    formats::git::Commit commit = {};
  };
  unsigned threads_ = 0;  // 0: one a core
  formats::git::Objects objects_;
  std::vector<Dated> commits_;  // from the oldest on
  std::unordered_map<formats::git::ObjectId, std::size_t, formats::git::IdHash> commit_at_;
  BlobIds walked_;  // trees
  std::unordered_map<formats::git::ObjectId, Origin, formats::git::IdHash> origins_;
  std::vector<std::string> unread_;
  std::vector<KnownPack> known_packs_;
  std::shared_ptr<PackFiles> packs_;
  std::size_t missing_trees_ = 0;
  std::size_t missing_blobs_ = 0;
};

}  // namespace sallyport::services::scan
