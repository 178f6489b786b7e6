// A pack: many blocks in one file, written once, so that 10,000 small files cost one wait for the disk.
//
//   "sallyport pack v1\n"
//   the entries' bytes, one behind the other
//   the index: for each entry, sorted by kind and digest: kind (1 byte), digest (32), offset (8), length (4)
//   the number of entries (8), SHA-256 of the index (32)
//
// Numbers are big-endian. The pack's file is named by the SHA-256 of its index, NAME.pack; the bytes of an
// entry answer for themselves by their digest, each time they are read. A pack that is written and not waited
// for yet is NAME.fresh: a power cut may take it, or tear it. A PackWriter is for one thread at a
// time; a Pack is immutable and may be read from any.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "core/env.h"
#include "core/mapping.h"

namespace sallyport::trust {

inline constexpr std::string_view kSettledPack = ".pack";
inline constexpr std::string_view kFreshPack = ".fresh";

enum class EntryKind : std::uint8_t {
  kBlock = 1,   // named by the SHA-256 of its bytes: a piece of a file, or a manifest
  kLayout = 2,  // named by the Merkle root of the blocks that it lists (trust/layout.h)
};

struct EntryName {
  EntryKind kind = EntryKind::kBlock;
  Digest digest = {};
  auto operator<=>(const EntryName&) const = default;
};

struct PackEntry {
  EntryName name = {};
  std::uint64_t offset = 0;
  std::uint32_t length = 0;
};

// What the index says of one entry, in bytes.
inline constexpr std::size_t kIndexEntryBytes = 1 + 32 + 8 + 4;

class PackWriter {
 public:
  // A new file under a temporary name in `directory`.
  static Result<PackWriter> begin(Env& env, const fs::path& directory);
  ~PackWriter();
  PackWriter(PackWriter&&) noexcept = default;
  PackWriter& operator=(PackWriter&&) = delete;

  // limits::kPackEntryBytesMax at most; a name stands in a pack once.
  Result<void> add(const EntryName& name, BytesView bytes);
  bool has(const EntryName& name) const { return entries_.contains(name); }
  std::uint64_t size() const { return offset_; }
  std::size_t entries() const { return entries_.size(); }
  std::vector<EntryName> names() const;

  // Whole and fresh when this returns; its name, without the ending.
  Result<std::string> finish();

 private:
  PackWriter() = default;
  Result<void> flush();

  Env* env_ = nullptr;
  fs::path directory_ = {};
  fs::path temporary_ = {};
  std::unique_ptr<OutputFile> file_ = {};
  Bytes buffer_ = {};
  std::uint64_t offset_ = 0;
  std::map<EntryName, PackEntry> entries_ = {};
};

// Waits for the disk, all packs at once: then each NAME.fresh is durable as NAME.pack.
Result<void> settle_packs(Env& env, const fs::path& directory, std::span<const std::string> names);

class Pack {
 public:
  // Checks the index against the file's name, and every entry against the file's size.
  static Result<Pack> open(const fs::path& path);

  std::span<const PackEntry> entries() const { return entries_; }
  const fs::path& path() const { return path_; }
  std::string name() const { return path_.stem().string(); }
  bool is_fresh() const { return path_.extension() == kFreshPack; }
  std::uint64_t size() const { return size_; }

 private:
  fs::path path_ = {};
  std::uint64_t size_ = 0;
  std::vector<PackEntry> entries_ = {};
};

}  // namespace sallyport::trust
