#include "trust/data_reader.h"

#include "core/limits/data_versions.h"

namespace sallyport::trust {
namespace {

std::unexpected<Error> no_file(std::string_view path) {
  return fail(ErrorKind::kNotFound, "data: no file '" + std::string(path) + "' in this version");
}

}  // namespace

Result<DataReader> DataReader::open(const DataStore& store, const Digest& manifest, const Hash& root) {
  DataReader out(store);
  out.digest_ = manifest;
  out.root_ = root;
  out.manifest_ = TRY(parse_manifest(TRY(store.get({EntryKind::kBlock, manifest}))));
  out.layout_ = TRY(parse_layout(TRY(store.get({EntryKind::kLayout, root}))));
  TRY(check_layout(out.layout_, out.manifest_));
  for (const ManifestEntry& entry : out.manifest_.entries) {
    if (entry.mode != EntryMode::kEmptyDirectory) out.places_.emplace(entry.path, out.places_.size());
  }
  return out;
}

const std::vector<Block>* DataReader::blocks_of(std::string_view path) const {
  const auto found = places_.find(path);
  return found == places_.end() ? nullptr : &layout_.files[found->second];
}

Result<Bytes> DataReader::read(const Block& block) const {
  Bytes out = TRY(store_->get({EntryKind::kBlock, block.digest}));
  if (out.size() != block.length) {
    return fail(ErrorKind::kDenied, "data: a block is not of its signed length");
  }
  return out;
}

Result<void> DataReader::read_file(std::string_view path,
                                   const std::function<Result<void>(BytesView)>& take) const {
  const std::vector<Block>* blocks = blocks_of(path);
  if (blocks == nullptr) return no_file(path);
  for (const Block& block : *blocks) TRY(take(TRY(read(block))));
  return {};
}

// Whether what an interrupted checkout left is nothing but a part of this version.
Result<bool> DataReader::is_part_of(Env& env, const fs::path& folder) const {
  const auto left = walk_directory(env, folder);
  if (!left) return false;
  for (const ManifestEntry& entry : *left) {
    const ManifestEntry* signed_entry = manifest_.find(entry.path);
    const bool folder_yet_empty = entry.mode == EntryMode::kEmptyDirectory;
    if (!folder_yet_empty && (signed_entry == nullptr || signed_entry->mode != entry.mode)) return false;
  }
  return true;
}

Result<void> DataReader::checkout(Env& env, const fs::path& to, const OnFile& on_file) const {
  if (env.exists(to)) return invalid(to.string() + ": exists", "check out into a new folder");
  // Named by what it will hold, so that an interrupted checkout of the same version is gone on with.
  const fs::path parent = to.has_parent_path() ? to.parent_path() : fs::path(".");
  const fs::path partial = parent / ("." + to.filename().string() + ".partial-" + digest_.brief());
  if (env.exists(partial) && !TRY(is_part_of(env, partial))) TRY(remove_tree(env, partial));
  TRY(env.make_directories(partial));
  for (const ManifestEntry& entry : manifest_.entries) {
    const fs::path path = partial / entry.path;
    TRY(env.make_directories(entry.mode == EntryMode::kEmptyDirectory ? path : path.parent_path()));
  }
  Manifest work = manifest_;
  TRY(for_each_file(work.entries, [&](ManifestEntry& entry) -> Result<void> {
    const fs::path path = partial / entry.path;
    const unsigned mode = entry.mode == EntryMode::kExecutable ? 0755 : 0644;
    const auto there = env.digest_file(path);
    if (!there || there->digest != entry.sha256) {
      if (env.exists(path)) TRY(env.remove(path));
      const std::unique_ptr<OutputFile> file = TRY(env.create_output(path, mode));
      TRY(read_file(entry.path, [&](BytesView bytes) { return file->write(bytes); }));
    }
    if (on_file) on_file(entry.path, entry.size);
    return {};
  }));
  if (!TRY(is_part_of(env, partial))) {
    return fail(ErrorKind::kDenied, partial.string() + ": was written to by somebody else");
  }
  return env.rename(partial, to);
}

Result<void> DataReader::verify(const OnFile& on_file) const {
  Manifest work = manifest_;
  return for_each_file(work.entries, [&](ManifestEntry& entry) -> Result<void> {
    Hasher hasher;
    TRY(read_file(entry.path, [&](BytesView bytes) -> Result<void> {
      hasher.add(bytes);
      return {};
    }));
    if (hasher.finish() != entry.sha256) {
      return fail(ErrorKind::kDenied, "data: '" + entry.path + "' is not what its manifest says");
    }
    if (on_file) on_file(entry.path, entry.size);
    return {};
  });
}

void DataReader::add_names(std::set<EntryName>& out) const {
  out.insert({EntryKind::kBlock, digest_});
  out.insert({EntryKind::kLayout, root_});
  for (const std::vector<Block>& file : layout_.files) {
    for (const Block& block : file) out.insert({EntryKind::kBlock, block.digest});
  }
}

}  // namespace sallyport::trust
