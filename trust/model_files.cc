// A model's directory, listed by the hash that its signature asks for.
#include "core/parallel.h"
#include "trust/blake3.h"
#include "trust/model_signature.h"

namespace sallyport::trust {
namespace {

Result<Digest> blake3_of(Env& env, const fs::path& path, Bytes& piece) {
  const std::unique_ptr<InputFile> file = TRY(env.open_input(path));
  Blake3 hasher;
  for (std::size_t got = 1; got > 0;) {
    got = TRY(file->read(piece));
    hasher.add(BytesView(piece).first(got));
  }
  return hasher.finish();
}

Result<void> hash_by_blake3(Env& env, const fs::path& directory, std::vector<ModelFiles::File>& files) {
  constexpr std::size_t kPieceBytes = limits::kMiB;
  std::vector<Result<void>> done(files.size());
  parallel_for(files.size(), [&](std::size_t i) {
    thread_local Bytes piece(kPieceBytes);
    ModelFiles::File& file = files[i];
    if (file.mode == EntryMode::kEmptyDirectory) return;
    const Result<Digest> digest = blake3_of(env, directory / file.path, piece);
    if (digest) {
      file.digest = *digest;
    } else {
      done[i] = std::unexpected(digest.error());
    }
  });
  for (Result<void>& one : done) TRY(std::move(one));
  return {};
}

}  // namespace

ModelFiles::ModelFiles(const Manifest& manifest) {
  for (const ManifestEntry& entry : manifest.entries) files.push_back({entry.path, entry.mode, entry.sha256});
}

Result<ModelFiles> list_model(Env& env, const fs::path& directory, FileHash hash) {
  if (hash == FileHash::kSha256) return ModelFiles(TRY(scan_directory(env, directory)));
  ModelFiles out(Manifest{TRY(walk_directory(env, directory))});
  out.hash = hash;
  TRY(hash_by_blake3(env, directory, out.files));
  return out;
}

}  // namespace sallyport::trust
