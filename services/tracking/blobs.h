// The bytes of artifacts, content-addressed: what was uploaded is named by what arrived, and what is handed
// out has hashed to its name.
//
// This is the interface; where the bytes lie is behind it (disk_blobs.h). An upload is durable when commit()
// returns; one that ends before leaves nothing behind. Blobs may be used from any thread, an Upload or a
// source by one at a time.
#pragma once

#include <memory>

#include "core/mapping.h"
#include "services/http/http.h"
#include "trust/manifest.h"

namespace sallyport::services::tracking {

struct Blob {
  Digest digest = {};
  std::uint64_t size = 0;
};

class Upload {
 public:
  Upload() = default;
  virtual ~Upload() = default;
  Upload(const Upload&) = delete;
  Upload& operator=(const Upload&) = delete;

  virtual Result<void> write(BytesView bytes) = 0;
  virtual Result<Blob> commit() = 0;
};

class Blobs {
 public:
  Blobs() = default;
  virtual ~Blobs() = default;
  Blobs(const Blobs&) = delete;
  Blobs& operator=(const Blobs&) = delete;

  virtual Result<std::unique_ptr<Upload>> begin() = 0;
  // Small ones are verified before their first byte leaves, larger ones before their last.
  virtual Result<std::shared_ptr<http::Source>> read(const Blob& blob) const = 0;
  // All of its bytes at once, for the guards, who hash them themselves.
  virtual Result<Mapping> map(const Digest& digest) const = 0;

  // The manifest of a directory whose files are all here; its digest names the directory.
  virtual Result<Digest> put_manifest(const trust::Manifest& manifest) = 0;
  virtual Result<trust::Manifest> manifest(const Digest& digest) const = 0;
};

}  // namespace sallyport::services::tracking
