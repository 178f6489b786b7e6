#include "trust/tlog.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/limits.h"
#include "trust/cosigned.h"
#include "trust/publish.h"

namespace sallyport::trust {
namespace {

constexpr int kTileHeight = 8;  // levels of the tree in one tile
constexpr int kTileLevelsMax = 8;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kBundleBytesMax = kTileWidth * (2 + limits::kLogEntryBytesMax);

std::string kind_of(int tile_level) { return std::to_string(tile_level); }

// How many hashes stand at a tile level of a tree of `size` leaves.
std::uint64_t count_at(std::uint64_t size, int tile_level) { return size >> (kTileHeight * tile_level); }

Bytes bundle_bytes(std::span<const Bytes> entries) {
  Bytes out;
  for (const Bytes& entry : entries) {
    append_be(out, entry.size(), 2);
    out.insert(out.end(), entry.begin(), entry.end());
  }
  return out;
}

Bytes tile_bytes(std::span<const Hash> hashes) {
  Bytes out;
  out.reserve(hashes.size() * kHashBytes);
  for (const Hash& hash : hashes) out.insert(out.end(), hash.bytes.begin(), hash.bytes.end());
  return out;
}

std::vector<Hash> leaf_hashes(std::span<const Bytes> entries) {
  std::vector<Hash> out;
  out.reserve(entries.size());
  for (const Bytes& entry : entries) out.push_back(leaf_hash(entry));
  return out;
}

std::unexpected<Error> corrupt(const fs::path& path, const std::string& what) {
  return fail(ErrorKind::kDenied, path.string() + ": " + what,
              "the log was changed or damaged; restore it from a copy that extends the pinned checkpoint");
}

}  // namespace

std::string tile_number_path(std::uint64_t number) {
  const auto three = [](std::uint64_t part) {
    const std::string digits = std::to_string(part);
    return std::string(3 - digits.size(), '0') + digits;
  };
  std::string out = three(number % 1000);
  for (number /= 1000; number > 0; number /= 1000) out = "x" + three(number % 1000) + "/" + out;
  return out;
}

Log::Log(Env& env, fs::path directory, LogKeys keys)
    : env_(&env), directory_(std::move(directory)), keys_(std::move(keys)) {}

Result<Log> Log::create(Env& env, fs::path directory, LogKeys keys, const PrivateKey& signer) {
  Log log(env, std::move(directory), std::move(keys));
  const fs::path file = log.directory_ / "checkpoint";
  if (env.exists(file)) return invalid(file.string() + ": the log exists");
  log.checkpoint_ = {log.keys_.origin, 0, empty_tree_hash()};
  log.signed_checkpoint_ = TRY(sign_checkpoint(log.checkpoint_, signer));
  TRY(make_directories_durably(env, log.directory_));
  TRY(write_durably(env, file, as_bytes(log.signed_checkpoint_)));
  return log;
}

Result<Log> Log::open(Env& env, fs::path directory, LogKeys keys) {
  Log log(env, std::move(directory), std::move(keys));
  TRY(log.load());
  return log;
}

Result<void> Log::load() {
  const fs::path file = directory_ / "checkpoint";
  signed_checkpoint_ = std::string(as_text(TRY(env_->read_file(file, limits::kCheckpointBytesMax))));
  const Result<Checkpoint> checkpoint = open_checkpoint(signed_checkpoint_, keys_.origin, keys_.keys);
  if (!checkpoint) return within(file.string(), checkpoint.error());
  checkpoint_ = *checkpoint;
  return load_edge();
}

Result<void> Log::load_edge() {
  edge_ = {};
  const std::uint64_t size = checkpoint_.size;
  if (size % kTileWidth != 0) edge_.entries = TRY(read_bundle(size / kTileWidth, size % kTileWidth));
  for (int level = 0; level < kTileLevelsMax && count_at(size, level) > 0; ++level) {
    const std::uint64_t count = count_at(size, level);
    edge_.hashes.emplace_back();
    if (count % kTileWidth == 0) continue;
    edge_.hashes.back() = TRY(read_tile(level, count / kTileWidth, count % kTileWidth));
  }
  const bool leaves_match = edge_.entries.empty() || leaf_hashes(edge_.entries) == edge_.hashes.front();
  if (!leaves_match || root_of(edge_) != checkpoint_.root) {
    return corrupt(directory_, "the tiles do not hash to the root of the checkpoint");
  }
  return {};
}

Result<void> Log::refresh() {
  const Bytes now = TRY(env_->read_file(directory_ / "checkpoint", limits::kCheckpointBytesMax));
  if (as_text(now) == signed_checkpoint_) return {};
  Log fresh = TRY(open(*env_, directory_, keys_));
  TRY(check_pin(signed_checkpoint_, fresh, keys_));
  *this = std::move(fresh);
  return {};
}

Hash Log::root_of(const Edge& edge) {
  // The perfect subtrees, left to right: those of the highest tile level first, each level's widest first.
  std::vector<Hash> subtrees;
  for (std::size_t level = edge.hashes.size(); level-- > 0;) {
    const std::span<const Hash> row = edge.hashes[level];
    std::size_t begin = 0;
    for (std::size_t width = kTileWidth / 2; width > 0; width /= 2) {
      if ((row.size() & width) == 0) continue;
      subtrees.push_back(root_of_leaves(row.subspan(begin, width)));
      begin += width;
    }
  }
  if (subtrees.empty()) return empty_tree_hash();
  Hash out = subtrees.back();
  for (std::size_t i = subtrees.size() - 1; i > 0; --i) out = node_hash(subtrees[i - 1], out);
  return out;
}

void Log::grow(Edge& edge, std::uint64_t index, const Bytes& entry, std::vector<PendingFile>& files) const {
  edge.entries.push_back(entry);
  if (edge.entries.size() == kTileWidth) {
    files.push_back({resource_path("entries", index / kTileWidth, kTileWidth), bundle_bytes(edge.entries)});
    edge.entries.clear();
  }
  Hash hash = leaf_hash(entry);
  for (int level = 0;; ++level) {
    const auto at = static_cast<std::size_t>(level);
    if (at == edge.hashes.size()) edge.hashes.emplace_back();
    std::vector<Hash>& row = edge.hashes[at];
    row.push_back(hash);
    if (row.size() < kTileWidth) return;
    const std::uint64_t number = count_at(index + 1, level) / kTileWidth - 1;
    files.push_back({resource_path(kind_of(level), number, kTileWidth), tile_bytes(row)});
    hash = root_of_leaves(row);
    row.clear();
  }
}

Result<std::uint64_t> Log::append(std::span<const Bytes> entries, const PrivateKey& signer) {
  if (std::find(keys_.keys.begin(), keys_.keys.end(), signer.public_key()) == keys_.keys.end()) {
    return fail(ErrorKind::kDenied, "log: the signing key does not hold the log role");
  }
  const std::unique_ptr<FileLock> lock = TRY(env_->lock(directory_ / ".lock"));
  TRY(refresh());
  const std::uint64_t first = checkpoint_.size;
  if (entries.empty()) return first;
  Edge edge = edge_;
  std::vector<PendingFile> files;
  std::uint64_t size = first;
  for (const Bytes& entry : entries) {
    if (entry.size() > limits::kLogEntryBytesMax)
      return fail(ErrorKind::kLimit, "log: an entry over 65535 bytes");
    grow(edge, size++, entry, files);
  }
  if (!edge.entries.empty()) {
    files.push_back(
        {resource_path("entries", size / kTileWidth, size % kTileWidth), bundle_bytes(edge.entries)});
  }
  for (int level = 0; level < static_cast<int>(edge.hashes.size()); ++level) {
    const std::vector<Hash>& row = edge.hashes[static_cast<std::size_t>(level)];
    const std::uint64_t count = count_at(size, level);
    if (row.empty() || count == count_at(first, level)) continue;
    files.push_back({resource_path(kind_of(level), count / kTileWidth, row.size()), tile_bytes(row)});
  }
  const Checkpoint next{keys_.origin, size, root_of(edge)};
  std::string signed_next = TRY(sign_checkpoint(next, signer));
  TRY(publish(*env_, files, {directory_ / "checkpoint", to_bytes(signed_next)}));
  checkpoint_ = next;
  signed_checkpoint_ = std::move(signed_next);
  edge_ = std::move(edge);
  drop_superseded(first);
  return first;
}

// Best effort: a partial tile whose full one is durable only takes space.
void Log::drop_superseded(std::uint64_t old_size) {
  const auto drop = [&](const std::string& kind, std::uint64_t before, std::uint64_t now) {
    if (before % kTileWidth == 0 || before / kTileWidth == now / kTileWidth) return;
    std::ignore = remove_tree(*env_, resource_path(kind, before / kTileWidth, 1).parent_path());
  };
  drop("entries", old_size, size());
  for (int level = 0; level < kTileLevelsMax; ++level) {
    drop(kind_of(level), count_at(old_size, level), count_at(size(), level));
  }
}

fs::path Log::resource_path(const std::string& kind, std::uint64_t number, std::uint64_t width) const {
  const std::string partial = width == kTileWidth ? "" : ".p/" + std::to_string(width);
  return directory_ / "tile" / kind / (tile_number_path(number) + partial);
}

Result<Bytes> Log::read_resource(const std::string& kind, std::uint64_t number, std::uint64_t width) {
  Result<Bytes> bytes = env_->read_file(resource_path(kind, number, width), kBundleBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound && width < kTileWidth) {
    bytes = env_->read_file(resource_path(kind, number, kTileWidth), kBundleBytesMax);
  }
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return corrupt(resource_path(kind, number, width), "missing, though the checkpoint covers it");
  }
  return bytes;
}

Result<std::vector<Bytes>> Log::read_bundle(std::uint64_t number, std::uint64_t width) {
  const Bytes bytes = TRY(read_resource("entries", number, width));
  const fs::path path = resource_path("entries", number, width);
  Reader reader(bytes);
  std::vector<Bytes> out;
  while (!reader.done() && out.size() < kTileWidth) {
    const Result<BytesView> head = reader.take(2);
    if (!head) return corrupt(path, "ends within an entry's length");
    const auto length = static_cast<std::uint64_t>((*head)[0] << 8 | (*head)[1]);
    const Result<BytesView> entry = reader.take(length);
    if (!entry) return corrupt(path, "ends within an entry");
    out.emplace_back(entry->begin(), entry->end());
  }
  // More than `width` is right only for the full bundle that took this one's place.
  const bool whole = out.size() == width || (out.size() == kTileWidth && !env_->exists(path));
  if (!whole || !reader.done()) return corrupt(path, "does not hold " + std::to_string(width) + " entries");
  out.resize(width);
  return out;
}

Result<std::vector<Hash>> Log::read_tile(int tile_level, std::uint64_t number, std::uint64_t width) {
  const Bytes bytes = TRY(read_resource(kind_of(tile_level), number, width));
  if (bytes.size() != width * kHashBytes && bytes.size() != kTileWidth * kHashBytes) {
    return corrupt(resource_path(kind_of(tile_level), number, width),
                   "does not hold " + std::to_string(width) + " hashes");
  }
  std::vector<Hash> out(width);
  for (std::size_t i = 0; i < width; ++i) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(i * kHashBytes), kHashBytes,
                out[i].bytes.begin());
  }
  return out;
}

Result<std::vector<Hash>> Log::read(std::span<const NodeId> nodes) {
  std::map<std::pair<int, std::uint64_t>, std::vector<Hash>> tiles;
  std::vector<Hash> out;
  for (const NodeId& node : nodes) {
    const int tile_level = node.level / kTileHeight;
    const int within_tile = node.level % kTileHeight;
    const std::uint64_t first = node.index << within_tile;
    const std::uint64_t span = std::uint64_t{1} << within_tile;
    const std::uint64_t count = count_at(size(), tile_level);
    if (first + span > count) return invalid("log: a hash beyond the tree was asked for");
    const std::uint64_t number = first / kTileWidth;
    const auto key = std::pair(tile_level, number);
    if (!tiles.contains(key)) {
      const std::uint64_t width = std::min(kTileWidth, count - number * kTileWidth);
      tiles[key] = TRY(read_tile(tile_level, number, width));
    }
    out.push_back(root_of_leaves(std::span(tiles[key]).subspan(first % kTileWidth, span)));
  }
  return out;
}

Result<std::vector<Bytes>> Log::verified_bundle(std::uint64_t number) {
  const std::uint64_t first = number * kTileWidth;
  std::vector<Bytes> entries = TRY(read_bundle(number, std::min(kTileWidth, size() - first)));
  const std::vector<Hash> leaves = leaf_hashes(entries);
  const fs::path path = resource_path("entries", number, entries.size());
  if (entries.size() < kTileWidth) {
    if (leaves != edge_.hashes.front()) return corrupt(path, "does not hash to the tree");
    return entries;
  }
  // The proof of the first leaf, its lowest part made from these entries: it holds only if all of them are
  // the tree's.
  MemoryTree inside;
  for (const Hash& leaf : leaves) inside.append(leaf);
  Proof proof = TRY(trust::prove_inclusion(0, kTileWidth, inside));
  const Proof outside = TRY(prove_inclusion(first));
  proof.insert(proof.end(), outside.begin() + kTileHeight, outside.end());
  if (!check_inclusion(proof, first, leaves.front(), size(), checkpoint_.root)) {
    return corrupt(path, "does not hash to the tree");
  }
  return entries;
}

Result<std::vector<Bytes>> Log::entries(std::uint64_t begin, std::uint64_t end) {
  if (begin > end || end > size()) {
    return fail(ErrorKind::kNotFound, "log: has " + std::to_string(size()) + " entries, asked for " +
                                          std::to_string(begin) + " to " + std::to_string(end));
  }
  std::vector<Bytes> out;
  for (std::uint64_t at = begin; at < end;) {
    std::vector<Bytes> bundle = TRY(verified_bundle(at / kTileWidth));
    const std::uint64_t stop = std::min(end, (at / kTileWidth + 1) * kTileWidth);
    for (; at < stop; ++at) out.push_back(std::move(bundle[at % kTileWidth]));
  }
  return out;
}

Result<Proof> Log::prove_inclusion(std::uint64_t index) {
  return trust::prove_inclusion(index, size(), *this);
}

Result<Proof> Log::prove_consistency(std::uint64_t old_size) {
  return trust::prove_consistency(old_size, size(), *this);
}

Result<void> Log::check_resource(const std::string& kind, std::uint64_t number, std::uint64_t width,
                                 const std::function<Bytes(std::uint64_t)>& start) {
  const auto check = [&](std::uint64_t at_width) -> Result<void> {
    const fs::path path = resource_path(kind, number, at_width);
    const Bytes have = TRY(env_->read_file(path, kBundleBytesMax));
    if (have != start(at_width)) return corrupt(path, "differs from the entries");
    return {};
  };
  const fs::path folder = resource_path(kind, number, 1).parent_path();
  if (!env_->exists(resource_path(kind, number, width)))
    return corrupt(resource_path(kind, number, width), "missing, though the checkpoint covers it");
  TRY(check(width));
  if (!env_->exists(folder)) return {};
  // Narrower ones served earlier checkpoints and must agree; wider ones were never covered by any.
  for (const std::string& name : TRY(env_->list(folder))) {
    for (std::uint64_t narrow = 1; narrow < width; ++narrow) {
      if (name == std::to_string(narrow)) TRY(check(narrow));
    }
  }
  return {};
}

Result<std::vector<Bytes>> Log::fsck() {
  TRY(refresh());
  std::vector<Bytes> out;
  MemoryTree tree;
  for (std::uint64_t first = 0; first < size(); first += kTileWidth) {
    const std::uint64_t width = std::min(kTileWidth, size() - first);
    const std::vector<Bytes> bundle = TRY(read_bundle(first / kTileWidth, width));
    for (const Bytes& entry : bundle) tree.append(leaf_hash(entry));
    TRY(check_resource("entries", first / kTileWidth, width,
                       [&](std::uint64_t narrow) { return bundle_bytes(std::span(bundle).first(narrow)); }));
    out.insert(out.end(), bundle.begin(), bundle.end());
  }
  if (tree.root() != checkpoint_.root) {
    return corrupt(directory_, "the entries do not hash to the root of the checkpoint");
  }
  for (int level = 0; level < kTileLevelsMax; ++level) {
    const std::span<const Hash> row = tree.level(kTileHeight * level);
    for (std::uint64_t first = 0; first < row.size(); first += kTileWidth) {
      const std::uint64_t width = std::min<std::uint64_t>(kTileWidth, row.size() - first);
      TRY(check_resource(kind_of(level), first / kTileWidth, width,
                         [&](std::uint64_t narrow) { return tile_bytes(row.subspan(first, narrow)); }));
    }
  }
  return out;
}

Result<std::string> read_pin(Env& env, const fs::path& path) {
  const Result<Bytes> bytes = env.read_file(path, limits::kCheckpointBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) return std::string();
  if (!bytes) return std::unexpected(bytes.error());
  if (bytes->empty()) return corrupt(path, "the pinned checkpoint is empty");
  return std::string(as_text(*bytes));
}

Result<void> check_pin(const std::string& signed_pin, Log& log, const LogKeys& keys) {
  if (signed_pin.empty()) return {};
  Result<Checkpoint> pinned = open_checkpoint(signed_pin, keys.origin, keys.keys);
  if (!pinned) {
    pinned.error().hint =
        "restore the pin from a copy; without it the log's history before today is not vouched for";
    return within("pinned checkpoint", pinned.error());
  }
  return check_extends(*pinned, log, "this client has verified");
}

Result<void> advance_pin(Env& env, const fs::path& path, Log& log, const LogKeys& keys) {
  const std::string pin = TRY(read_pin(env, path));
  TRY(check_pin(pin, log, keys));
  if (!pin.empty() && TRY(open_checkpoint(pin, keys.origin, keys.keys)).size == log.size()) return {};
  return write_durably(env, path, as_bytes(log.signed_checkpoint()));
}

}  // namespace sallyport::trust
