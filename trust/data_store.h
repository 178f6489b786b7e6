// The store of versioned data: blocks in packs, each named by what it holds, written once and never twice.
//
// What was put can be read when flush returns, and is durable when settle does, which waits for the disk once
// for all that was put before a version is signed. A writer that is killed leaves whole packs, whose blocks
// the next one finds, so an interrupted add goes on where it stood; what a power cut tore is put again. Every
// byte that is handed out has hashed to its name on the way. A block that is there already is read and
// checked before it is relied on, so adding the data again repairs a store that has rotted. Safe from any
// thread; of several processes one at a time may write.
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>

#include "trust/layout.h"
#include "trust/pack.h"

namespace sallyport::trust {

class DataStore {
 public:
  static Result<void> create(Env& env, const fs::path& directory);
  // Reads the index of every pack.
  static Result<DataStore> open(Env& env, const fs::path& directory);
  DataStore(DataStore&& other) noexcept;

  bool has(const EntryName& name) const;
  // Verified: a block by its SHA-256, a layout by its Merkle root. Where a pack's copy has been changed the
  // next one is tried.
  Result<Bytes> get(const EntryName& name) const;

  Result<void> put(const EntryName& name, BytesView bytes);
  // Cuts a file into blocks and takes them.
  struct AddedFile {
    Digest sha256 = {};
    std::uint64_t size = 0;
    std::vector<Block> blocks = {};
  };
  Result<AddedFile> add_file(const fs::path& path);
  Result<void> flush();
  // Reads back what was put since the last time, on all cores, and makes it durable. A pack that a power cut
  // tore is dropped: what it held is not there. With no other writer at work, before the store is opened.
  static Result<void> settle(Env& env, const fs::path& directory);
  // What put and add_file have stored anew since open.
  std::uint64_t stored_bytes() const { return stored_bytes_; }

  std::span<const Pack> packs() const { return packs_; }
  std::uint64_t size() const;

  // Every entry read and checked, on all cores; one line for each that is not what its name says.
  std::vector<std::string> check() const;
  // Drops what `live` does not name: packs without it are removed, packs that hold little of it are written
  // anew, and so are packs with an entry that has rotted and has a sound copy elsewhere. Error, with nothing
  // removed, when something live has no sound copy. The number of bytes that the disk got back. With no other
  // writer at work.
  Result<std::uint64_t> collect(const std::set<EntryName>& live);

 private:
  struct Place {
    EntryName name = {};
    std::uint32_t pack = 0;
    std::uint32_t length = 0;
    std::uint64_t offset = 0;
  };

  DataStore(Env& env, fs::path directory) : env_(&env), directory_(std::move(directory)) {}
  Result<void> load();
  std::span<const Place> find(const EntryName& name) const;
  Result<std::shared_ptr<const Mapping>> mapped(std::uint32_t pack) const;
  Result<Bytes> read(const Place& place) const;
  std::vector<std::string> flaws(std::span<const Place> places) const;
  Result<std::set<std::uint32_t>> rotten_packs(const std::set<EntryName>& live) const;
  Result<void> finish_pack();

  Env* env_;
  fs::path directory_;
  std::vector<Pack> packs_ = {};
  std::vector<Place> places_ = {};  // sorted by name; a name may stand in several packs

  mutable std::mutex mutex_;  // of all below
  mutable std::map<std::uint32_t, std::shared_ptr<const Mapping>> mapped_ = {};
  std::optional<PackWriter> writer_ = {};
  std::set<EntryName> written_ = {};        // in packs that were finished since open
  std::vector<std::string> finished_ = {};  // the names of those packs
  std::uint64_t stored_bytes_ = 0;
};

// Whether the bytes are what the name says.
Result<void> check_entry(const EntryName& name, BytesView bytes);

// A directory (or a single file) as it lies in the store, added on all cores.
struct AddedTree {
  Manifest manifest = {};
  Layout layout = {};
  Hash root = {};      // of the layout
  Digest digest = {};  // of the manifest
};
using OnFile = std::function<void(const std::string& path, std::uint64_t bytes)>;
Result<AddedTree> add_tree(DataStore& store, Env& env, const fs::path& path, const OnFile& on_file = {});

}  // namespace sallyport::trust
