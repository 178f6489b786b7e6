// What packs of a repository hold, as an earlier scan found when it read them, so that the next one need not
// read what cannot have changed.
//
// A pack is known again by the SHA-256 of all its bytes, never by its name or its index. What is kept of it
// are the names, places and digests of its objects, and the contents of its commits, trees and tags; a blob
// stays in the pack until somebody asks for it, and must then have the digest that it had. Only packs that
// need no other file are kept. One file a pack stands beside the scan's cache, with the same trust
// (services/scan/private_file.h); those of packs that are gone are removed. A PackMemory is for one thread at
// a time; PackFiles may be read from any.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/digest.h"
#include "core/mapping.h"
#include "formats/git.h"

namespace sallyport::services::scan {

struct PackedObject {
  formats::git::ObjectId id = {};
  formats::git::ObjectType type = formats::git::ObjectType::kBlob;
  std::uint64_t offset = 0;  // in its pack
  std::uint64_t size = 0;
  Digest digest = {};  // of a blob
  Bytes bytes = {};    // of everything else
};

// A content that an earlier scan read, and that is still in its pack.
struct Remembered {
  formats::git::ObjectId id = {};
  Digest digest = {};
  std::uint64_t size = 0;
};

// Packs that are open, with the places of their blobs.
class PackFiles {
 public:
  void add(Mapping mapping, const std::vector<PackedObject>& objects);
  // nullptr when no pack has it.
  const Remembered* find(const formats::git::ObjectId& id) const;
  // Blobs, each by itself or, where that takes more, by reading the packs whole. Error: a pack is no longer
  // what it was.
  Result<std::vector<Bytes>> read(const std::vector<formats::git::ObjectId>& ids, unsigned threads = 0) const;

 private:
  Result<Bytes> read_alone(const formats::git::ObjectId& id) const;
  Result<std::vector<Bytes>> read_whole(const std::vector<formats::git::ObjectId>& ids,
                                        unsigned threads) const;
  struct Place {
    std::size_t pack = 0;
    std::uint64_t offset = 0;
    Remembered known = {};
  };
  std::vector<Mapping> packs_;
  // Of all objects, since deltas name trees and commits as well.
  std::unordered_map<formats::git::ObjectId, Place, formats::git::IdHash> places_;
};

class PackMemory {
 public:
  // `repository` is the folder that is scanned.
  PackMemory(std::filesystem::path folder, const std::filesystem::path& repository);

  // nullopt: nothing is known of a pack with these bytes.
  std::optional<std::vector<PackedObject>> find(const Digest& pack);
  // What cannot be kept is read again; nothing of an answer depends on it.
  void keep(const Digest& pack, const std::vector<PackedObject>& objects);
  // Removes what was neither found nor kept.
  void forget_others() const;

 private:
  std::filesystem::path file_of(const Digest& pack) const;

  std::filesystem::path folder_;
  std::string name_;
  Digest rules_;
  std::vector<std::filesystem::path> used_;
};

}  // namespace sallyport::services::scan
