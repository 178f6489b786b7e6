// An append-only log on disk in C2SP tlog-tiles form, which standard clients read.
//
//   checkpoint                 signed note: origin, size, root
//   tile/<L>/<N>[.p/<W>]       256 hashes of level 8L, or W of them
//   tile/entries/<N>[.p/<W>]   256 entries, or W, each with its length as 16 bits big-endian
//
// A batch is durable when append returns: tiles are written and synced beside what the old checkpoint covers,
// then the checkpoint is replaced. After a power cut at any write the old or the new checkpoint stands and
// all that it covers is whole. Writers exclude one another with a lock on the folder. A Log is for one thread
// at a time.
#pragma once

#include <functional>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "trust/note.h"

namespace sallyport::trust {

inline constexpr std::uint64_t kTileWidth = 256;

struct LogKeys {
  std::string origin;
  std::vector<PublicKey> keys;  // who may sign checkpoints
};

class Log final : public HashReader {
 public:
  // An empty log, durably; refuses a folder that already holds one.
  static Result<Log> create(Env& env, fs::path directory, LogKeys keys, const PrivateKey& signer);
  // Verifies the checkpoint and that the right edge of the tiles hashes to its root.
  static Result<Log> open(Env& env, fs::path directory, LogKeys keys);

  // Catches up with what other processes have appended; refuses a log that does not extend the one seen
  // before.
  Result<void> refresh();

  const Checkpoint& checkpoint() const { return checkpoint_; }
  std::uint64_t size() const { return checkpoint_.size; }
  // The checkpoint's file, as signed.
  const std::string& signed_checkpoint() const { return signed_checkpoint_; }

  // Appends all of `entries` or none, durably; returns the index of the first. Takes the writers' lock and
  // catches up with other processes first.
  Result<std::uint64_t> append(std::span<const Bytes> entries, const PrivateKey& signer);

  // Entries [begin, end), read from the bundles and checked against the tree.
  Result<std::vector<Bytes>> entries(std::uint64_t begin, std::uint64_t end);
  Result<Proof> prove_inclusion(std::uint64_t index);
  Result<Proof> prove_consistency(std::uint64_t old_size);

  // Rebuilds the tree from the entry bundles alone and compares every tile and the checkpoint; returns the
  // entries.
  Result<std::vector<Bytes>> fsck();

  Result<std::vector<Hash>> read(std::span<const NodeId> nodes) override;

 private:
  // What the next batch starts from: the entries of the last, partial bundle and, for each tile level, the
  // hashes of its last, partial tile. Together they determine the root.
  struct Edge {
    std::vector<Bytes> entries;
    std::vector<std::vector<Hash>> hashes;
  };

  Log(Env& env, fs::path directory, LogKeys keys);

  static Hash root_of(const Edge& edge);
  // Adds one entry; full tiles are moved from the edge to `files`.
  void grow(Edge& edge, std::uint64_t index, const Bytes& entry, std::vector<PendingFile>& files) const;
  Result<void> load();
  Result<void> load_edge();
  // The entries, held against the tree.
  Result<std::vector<Bytes>> verified_bundle(std::uint64_t number);
  void drop_superseded(std::uint64_t old_size);
  // The resource at its width, or, once the full one has taken its place, the start of that.
  Result<Bytes> read_resource(const std::string& kind, std::uint64_t number, std::uint64_t width);
  Result<std::vector<Bytes>> read_bundle(std::uint64_t number, std::uint64_t width);
  Result<std::vector<Hash>> read_tile(int tile_level, std::uint64_t number, std::uint64_t width);
  // Every file of a tile or a bundle, full or partial, must be `whole` up to its width; `start` gives the
  // bytes.
  Result<void> check_resource(const std::string& kind, std::uint64_t number, std::uint64_t width,
                              const std::function<Bytes(std::uint64_t)>& start);
  fs::path resource_path(const std::string& kind, std::uint64_t number, std::uint64_t width) const;

  Env* env_;
  fs::path directory_;
  LogKeys keys_;
  Checkpoint checkpoint_;
  std::string signed_checkpoint_;
  Edge edge_;
};

// "x001/x234/067" for 1234067: the path of a tile's number.
std::string tile_number_path(std::uint64_t number);

// The last checkpoint that this client verified, as a signed note. A missing file pins nothing (trust on
// first use).
Result<std::string> read_pin(Env& env, const fs::path& path);
// Refuses a log that is smaller than the pinned one (rollback) or does not extend it (fork), then moves the
// pin forward, durably. `signed_pin` as from read_pin; an empty text pins nothing.
Result<void> check_pin(const std::string& signed_pin, Log& log, const LogKeys& keys);
Result<void> advance_pin(Env& env, const fs::path& path, Log& log, const LogKeys& keys);

}  // namespace sallyport::trust
