// The bytes of artifacts, content-addressed: what was uploaded is named by what arrived, and what is handed
// out has hashed to its name.
//
// They lie in a trust::Store's folders, so everything that reads a store reads them. An upload is durable
// when commit() returns; one that ends before leaves nothing behind. Blobs may be used from any thread, an
// Upload or a source by one at a time.
#pragma once

#include <memory>

#include "core/hasher_beside.h"
#include "services/http/http.h"
#include "trust/store.h"

namespace sallyport::services::tracking {

struct Blob {
  Digest digest = {};
  std::uint64_t size = 0;
};

class Upload {
 public:
  ~Upload();
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;
  Result<void> write(BytesView bytes);
  Result<Blob> commit();

 private:
  friend class Blobs;
  Upload(Env& env, const trust::Store& store, fs::path temporary, std::unique_ptr<OutputFile> file)
      : env_(env), store_(store), temporary_(std::move(temporary)), file_(std::move(file)) {}

  Env& env_;
  const trust::Store& store_;
  fs::path temporary_;
  std::unique_ptr<OutputFile> file_;
  HasherBeside hasher_;
  std::uint64_t size_ = 0;
  Bytes start_;  // to tell a file that would pass for a directory's manifest
};

class Blobs {
 public:
  static Result<std::unique_ptr<Blobs>> open(Env& env, const fs::path& directory);

  Result<std::unique_ptr<Upload>> begin();
  // Small ones are verified before their first byte leaves, larger ones before their last.
  Result<std::shared_ptr<http::Source>> read(const Blob& blob) const;
  fs::path path_of(const Digest& digest) const { return store_.path_of(digest); }

  // The manifest of a directory whose files are all here; its digest names the directory.
  Result<Digest> put_manifest(const trust::Manifest& manifest);
  Result<trust::Manifest> manifest(const Digest& digest) const { return store_.manifest(digest); }

 private:
  Blobs(Env& env, const fs::path& directory) : env_(env), directory_(directory), store_(env, directory) {}

  Env& env_;
  fs::path directory_;
  trust::Store store_;
};

}  // namespace sallyport::services::tracking
