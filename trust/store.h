// The content-addressed store: objects by SHA-256, write-once, verified each time they are handed out.
//
// An object is at objects/sha256/ab/rest, mode 0444, written to a temporary, synced, renamed, its folder
// synced. A directory is stored as its files and its manifest; the manifest's digest names it. A file that
// reads as a manifest is refused as a file, so a digest names one or the other, never both. What a put has
// acknowledged survives a power cut. Safe from any thread and for several processes.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/env.h"
#include "trust/manifest.h"

namespace sallyport::trust {

// A stored object, read piece by piece. The end is reported only after the whole has hashed to its name: a
// changed object ends in an Error, and what was read before it must not have been acted on.
class VerifiedReader {
 public:
  VerifiedReader(std::unique_ptr<InputFile> file, const Digest& digest)
      : file_(std::move(file)), digest_(digest) {}
  // 0 bytes mean the verified end.
  Result<std::size_t> read(std::span<std::uint8_t> out);

 private:
  std::unique_ptr<InputFile> file_;
  Digest digest_;
  Hasher hasher_;
};

class Store {
 public:
  Store(Env& env, fs::path directory) : env_(&env), directory_(std::move(directory)) {}
  // Makes the folders, durably.
  Result<void> create();

  Result<Digest> put(BytesView bytes);
  // Hashes while it copies, in one pass and bounded memory.
  Result<Digest> put_file(const fs::path& path);
  // The directory's files on all cores; one sync per folder of objects.
  Result<Digest> put_directory(const fs::path& path);
  // A file or a directory, by what stands at `path`.
  Result<Digest> put_path(const fs::path& path);

  bool has(const Digest& digest) const;
  // Whole, verified.
  Result<Bytes> get(const Digest& digest, std::size_t bytes_max = limits::kFileBytesMax) const;
  Result<VerifiedReader> open(const Digest& digest) const;
  // The manifest when `digest` names a directory; ErrorKind::kUnsupported when it names a file.
  Result<Manifest> manifest(const Digest& digest) const;
  Result<bool> is_directory(const Digest& digest) const;

  // Re-hashes the object, and for a directory each of its files.
  Result<void> verify(const Digest& digest) const;

  // Copies the object to `to`, which must not exist; what was written is what was hashed. After a failure
  // nothing is left at `to`.
  Result<void> materialise(const Digest& digest, const fs::path& to) const;

  // Every object, sorted.
  Result<std::vector<Digest>> list() const;
  fs::path path_of(const Digest& digest) const;
  // Removes what killed writers left under temporary names. Only while no other writer is at work.
  Result<void> sweep();

 private:
  class Batch;

  fs::path temporary() const;
  std::unexpected<Error> missing(const Digest& digest) const;
  Result<void> verify_object(const Digest& digest) const;
  Result<void> copy_out(const Digest& digest, const fs::path& to, unsigned mode) const;
  Result<void> copy_directory_out(const Manifest& manifest_of, const fs::path& to) const;

  Env* env_;
  fs::path directory_;
};

}  // namespace sallyport::trust
