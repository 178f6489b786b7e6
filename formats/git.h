// Git's objects, read from the files of a repository: loose ones and packs, with their deltas.
//
// Nothing of git's runs: no hook, filter, submodule or configuration is looked at. Every object of a pack is
// read from its stream and named by the SHA-1 of its own bytes, so that neither an index nor a reference can
// hide one. Objects are kept whole, up to limits::kRepositoryBytesMax together; a delta is applied once, when
// its base turns up, in whatever order they come, without recursion. SHA-256 repositories are not read. For
// one thread at a time; a pack is read on all cores.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::git {

using ObjectId = std::array<std::uint8_t, 20>;

// Whoever makes objects whose ids share these bytes costs himself more than us: buckets are lists.
struct IdHash {
  std::size_t operator()(const ObjectId& id) const {
    std::size_t out = 0;
    std::memcpy(&out, id.data() + 4, sizeof out);
    return out;
  }
};

enum class ObjectType : std::uint8_t { kCommit = 1, kTree = 2, kBlob = 3, kTag = 4 };

struct Object {
  ObjectType type = ObjectType::kBlob;
  Bytes bytes = {};
  bool elsewhere = false;  // a blob that was named earlier and whose bytes are still in its pack
};

struct PackEntry;  // formats/git_pack.cc

class Objects {
 public:
  using Map = std::unordered_map<ObjectId, Object, IdHash>;

  // A file below objects/XX/. Error when it is damaged or the limit is reached.
  Result<void> add_loose(BytesView file);
  // A file objects/pack/*.pack. What could be read stays, whatever the error. `offsets` says where entries
  // may begin, as an index has it: then they are read on all cores, and one after the other where it is not
  // true.
  Result<void> add_pack(BytesView pack, std::span<const std::uint64_t> offsets = {}, unsigned threads = 0);
  // Where the pack that was added last has its objects, in the order of their places. Empty when something of
  // it is damaged, or is a delta on what another file has.
  struct Packed {
    std::uint64_t offset = 0;
    ObjectId id = {};
  };
  const std::vector<Packed>& packed() const { return packed_; }
  // An object that an earlier reading named by its bytes; of a blob only the size is told. Error at the
  // limits, as when it is read.
  Result<void> add_known(ObjectType type, const ObjectId& id, Bytes bytes, std::uint64_t size);
  // What is said of anything that would go over the limit.
  static std::unexpected<Error> too_large();
  // Deltas whose base has not turned up.
  std::size_t waiting() const { return waiting_; }

  const Map& all() const { return objects_; }
  const Object* find(const ObjectId& id) const;
  // The ids of one type, sorted.
  std::vector<ObjectId> ids_of(ObjectType type) const;
  // Takes an object's bytes away; it stays as an empty one.
  Bytes take(const ObjectId& id);

 private:
  struct Place {
    std::uint32_t pack = 0;
    std::uint64_t offset = 0;
    bool operator==(const Place&) const = default;
  };
  struct PlaceHash {
    std::size_t operator()(const Place& at) const {
      return static_cast<std::size_t>((at.offset * 0x9E3779B97F4A7C15U) ^ at.pack);
    }
  };
  struct Delta {
    Place place = {};
    Bytes bytes = {};
  };
  struct Made {
    const Map::value_type* object = nullptr;
    Place place = {};
  };
  Result<const Map::value_type*> add(ObjectType type, Bytes bytes);
  Result<const Map::value_type*> add(ObjectType type, const ObjectId& id, Bytes bytes);
  Result<void> add_entries(std::vector<PackEntry>& entries, unsigned threads);
  void list_packed(const std::vector<PackEntry>& entries);
  Result<void> add_level(std::span<PackEntry* const> level, unsigned threads);
  Result<void> add_late(PackEntry& entry);
  Result<void> wait(std::vector<Delta>& queue, Delta delta);
  Result<void> settle(Made made);

  Map objects_;
  std::unordered_map<ObjectId, std::vector<Delta>, IdHash> by_base_;
  std::unordered_map<Place, std::vector<Delta>, PlaceHash> by_place_;
  std::unordered_map<Place, const Map::value_type*, PlaceHash> made_;  // of the pack that is being read
  std::vector<Packed> packed_;
  std::uint32_t packs_ = 0;
  std::size_t waiting_ = 0;
  std::size_t bytes_ = 0;   // of all objects and of the deltas that wait
  std::uint64_t work_ = 0;  // bytes that were made, those of objects that were there already included
};

struct TreeEntry {
  std::uint32_t mode = 0;  // 040000 a tree, 0120000 a symbolic link, 0160000 a submodule, else a file
  std::string name = {};
  ObjectId id = {};
};
Result<std::vector<TreeEntry>> read_tree(BytesView bytes);
// The same, one entry after the other and without a copy.
Result<void> each_tree_entry(
    BytesView bytes,
    const std::function<void(std::uint32_t mode, std::string_view name, const ObjectId& id)>& on_entry);

struct Person {
  std::string name = {};
  std::string email = {};
  std::int64_t unix_s = 0;
};
struct Commit {
  ObjectId tree = {};
  std::vector<ObjectId> parents = {};
  Person author = {};
  Person committer = {};
  std::int64_t committed_unix_s = 0;
  std::string signature = {};  // of the header gpgsig, its lines without the leading blank
  std::string message = {};
};
Result<Commit> read_commit(BytesView bytes);
// What a commit's signature is over: the object without the header that holds it.
Bytes signed_payload(BytesView commit);
// Its 20 bytes, where the reader stands.
Result<ObjectId> read_id(Reader& reader);
// 40 digits of hexadecimal, lower case.
std::optional<ObjectId> parse_id(std::string_view hex);

// Where the entries of a pack begin, as its index (*.idx, version 2) has it: sorted, and nothing to rely on.
// Empty when it is damaged, of another version or longer than limits::kRepositoryObjectsMax.
std::vector<std::uint64_t> read_offsets(BytesView index);

// The bytes of the one entry of a pack that begins at `offset`, its deltas applied. `place_of` tells where
// this pack has the base that a delta names by its id. Error when it is damaged, stands on more than
// kDeltasMax deltas, which no pack of git's does, or makes more than `bytes_max` on the way.
inline constexpr std::size_t kDeltasMax = 4095;
Result<Bytes> read_packed(BytesView pack, std::uint64_t offset, std::size_t bytes_max,
                          const std::function<std::optional<std::uint64_t>(const ObjectId&)>& place_of);

// The result of a delta on its base. Error when it reaches outside of either.
Result<Bytes> apply_delta(BytesView base, BytesView delta, std::size_t bytes_max);

// The id that git gives an object of these bytes.
ObjectId object_id(ObjectType type, BytesView bytes);

}  // namespace sallyport::formats::git
