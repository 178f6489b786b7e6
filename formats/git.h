// Git's objects, read from the files of a repository: loose ones and packs, with their deltas.
//
// Nothing of git's runs: no hook, filter, submodule or configuration is looked at. Every object of a pack is
// read from its stream and named by the SHA-1 of its own bytes, so that neither an index nor a reference can
// hide one. Objects are kept whole, up to limits::kRepositoryBytesMax together; deltas are resolved in
// rounds, without recursion. SHA-256 repositories are not read. For one thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::git {

using ObjectId = std::array<std::uint8_t, 20>;

enum class ObjectType : std::uint8_t { kCommit = 1, kTree = 2, kBlob = 3, kTag = 4 };

struct Object {
  ObjectType type = ObjectType::kBlob;
  Bytes bytes = {};
};

class Objects {
 public:
  // A file below objects/XX/. Error when it is damaged or the limit is reached.
  Result<void> add_loose(BytesView file);
  // A file objects/pack/*.pack. What was read before an error stays.
  Result<void> add_pack(BytesView pack);
  // Applies the deltas whose base has turned up since; answers how many are left without one.
  Result<std::size_t> resolve();

  const std::map<ObjectId, Object>& all() const { return objects_; }
  const Object* find(const ObjectId& id) const;

 private:
  struct Delta {
    ObjectId base = {};
    Bytes bytes = {};
  };
  Result<ObjectId> add(ObjectType type, Bytes bytes);

  std::map<ObjectId, Object> objects_;
  std::vector<Delta> waiting_;
  std::size_t bytes_ = 0;
};

struct TreeEntry {
  std::uint32_t mode = 0;  // 040000 a tree, 0120000 a symbolic link, 0160000 a submodule, else a file
  std::string name = {};
  ObjectId id = {};
};
Result<std::vector<TreeEntry>> read_tree(BytesView bytes);

struct Commit {
  ObjectId tree = {};
  std::int64_t committed_unix_s = 0;
  std::string message = {};
};
Result<Commit> read_commit(BytesView bytes);

// The result of a delta on its base. Error when it reaches outside of either.
Result<Bytes> apply_delta(BytesView base, BytesView delta, std::size_t bytes_max);

// The id that git gives an object of these bytes.
ObjectId object_id(ObjectType type, BytesView bytes);

}  // namespace sallyport::formats::git
