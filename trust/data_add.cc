// How files come into the store: cut, hashed and packed on all cores.
#include <array>
#include <atomic>
#include <optional>

#include "core/limits/data_versions.h"
#include "core/parallel.h"
#include "core/sha256_lanes.h"
#include "trust/chunker.h"
#include "trust/data_store.h"

namespace sallyport::trust {
namespace {

// A file up to this size is read whole and cut by one thread, beside other files.
constexpr std::size_t kSmallFileBytes = 8 * limits::kMiB;
// Of a larger one, so much is cut while what was cut before it is hashed.
constexpr std::size_t kWindowBytes = 16 * limits::kMiB;

std::vector<BytesView> cut(BytesView& rest, std::size_t bytes) {
  std::vector<BytesView> out;
  for (std::size_t done = 0; !rest.empty() && done < bytes;) {
    const std::size_t length = first_block(rest);
    out.push_back(rest.first(length));
    rest = rest.subspan(length);
    done += length;
  }
  return out;
}

// Several messages are hashed at once on this core.
std::vector<Block> name_blocks(std::span<const BytesView> pieces) {
  std::vector<Block> out(pieces.size());
  std::array<std::size_t, kSha256Lanes> in_lane{};
  std::size_t begun = 0;
  sha256_each(
      [&](std::size_t lane) -> std::optional<BytesView> {
        if (begun == pieces.size()) return std::nullopt;
        in_lane[lane] = begun;
        return pieces[begun++];
      },
      [&](std::size_t lane, const Digest& digest) {
        const std::size_t piece = in_lane[lane];
        out[piece] = {digest, static_cast<std::uint32_t>(pieces[piece].size())};
      });
  return out;
}

Result<void> put_blocks(DataStore& store, std::span<const Block> blocks, std::span<const BytesView> pieces) {
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    TRY(store.put({EntryKind::kBlock, blocks[i].digest}, pieces[i]));
  }
  return {};
}

Result<DataStore::AddedFile> add_small(DataStore& store, BytesView bytes) {
  DataStore::AddedFile out;
  out.size = bytes.size();
  BytesView rest = bytes;
  const std::vector<BytesView> pieces = cut(rest, bytes.size());
  out.blocks = name_blocks(pieces);
  TRY(put_blocks(store, out.blocks, pieces));
  out.sha256 = out.blocks.size() == 1 ? out.blocks.front().digest : sha256(bytes);
  return out;
}

// A large file goes through in windows: while one is cut, the blocks of the one before it are hashed, and
// those of the one before that are stored. The file's own hash, one chain, runs beside all of it.
struct Window {
  std::vector<BytesView> pieces;
  std::vector<Block> blocks;
};

Result<DataStore::AddedFile> add_large(DataStore& store, const fs::path& path) {
  const Mapping mapping = TRY(Mapping::open(path));
  DataStore::AddedFile out;
  out.size = mapping.bytes().size();
  BytesView rest = mapping.bytes();
  Hasher whole;
  Window cut_last, hashed_last;
  do {
    Window next;
    Result<void> stored;
    parallel_for(4, [&](std::size_t part) {
      if (part == 0) stored = put_blocks(store, hashed_last.blocks, hashed_last.pieces);
      if (part == 1) next.pieces = cut(rest, kWindowBytes);
      if (part == 2) cut_last.blocks = name_blocks(cut_last.pieces);
      if (part == 3) {
        for (const BytesView piece : cut_last.pieces) whole.add(piece);
      }
    });
    TRY(std::move(stored));
    out.blocks.insert(out.blocks.end(), hashed_last.blocks.begin(), hashed_last.blocks.end());
    hashed_last = std::move(cut_last);
    cut_last = std::move(next);
  } while (!cut_last.pieces.empty() || !hashed_last.pieces.empty());
  out.sha256 = whole.finish();
  if (!mapping.unchanged()) return fail(ErrorKind::kIo, path.string() + ": changed while it was read");
  return out;
}

}  // namespace

Result<DataStore::AddedFile> DataStore::add_file(const fs::path& path) {
  const FileStatus status = TRY(env_->status(path));
  if (status.size > kSmallFileBytes) return add_large(*this, path);
  const Bytes bytes = TRY(env_->read_file(path, kSmallFileBytes));
  return add_small(*this, bytes);
}

namespace {

Result<Manifest> manifest_of(Env& env, const fs::path& path) {
  Manifest out;
  if (TRY(env.status(path)).kind == FileStatus::Kind::kFile) {
    // A single file is a directory of one, so that a version is always a manifest.
    const std::string name = path.filename().string();
    TRY(check_relative_path(name));
    const FileStatus status = TRY(env.status(path));
    out.entries.push_back({.path = name, .mode = EntryMode::kFile, .size = status.size, .sha256 = {}});
    return out;
  }
  out.entries = TRY(walk_directory(env, path));
  return out;
}

}  // namespace

Result<AddedTree> add_tree(DataStore& store, Env& env, const fs::path& path, const OnFile& on_file) {
  AddedTree out;
  out.manifest = TRY(manifest_of(env, path));
  const bool single = TRY(env.status(path)).kind == FileStatus::Kind::kFile;
  std::vector<ManifestEntry>& entries = out.manifest.entries;
  std::vector<std::vector<Block>> blocks(entries.size());
  std::vector<Result<void>> done(entries.size());
  const auto add = [&](std::size_t i) -> Result<void> {
    ManifestEntry& entry = entries[i];
    DataStore::AddedFile file = TRY(store.add_file(single ? path : path / entry.path));
    entry.size = file.size;
    entry.sha256 = file.sha256;
    blocks[i] = std::move(file.blocks);
    if (on_file) on_file(entry.path, entry.size);
    return {};
  };
  // Large files use all cores each; the small ones share them.
  std::vector<std::size_t> small;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].mode == EntryMode::kEmptyDirectory) continue;
    if (entries[i].size > kSmallFileBytes) {
      TRY(add(i));
    } else {
      small.push_back(i);
    }
  }
  std::atomic<bool> failed{false};
  parallel_for(small.size(), [&](std::size_t i) {
    if (failed) return;
    done[small[i]] = add(small[i]);
    if (!done[small[i]]) failed = true;
  });
  for (Result<void>& one : done) TRY(std::move(one));
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].mode != EntryMode::kEmptyDirectory) out.layout.files.push_back(std::move(blocks[i]));
  }
  out.root = root_of(out.layout);
  out.digest = digest_of(out.manifest);
  TRY(store.put({EntryKind::kLayout, out.root}, TRY(serialize(out.layout))));
  TRY(store.put({EntryKind::kBlock, out.digest}, as_bytes(serialize(out.manifest))));
  TRY(store.flush());
  return out;
}

}  // namespace sallyport::trust
