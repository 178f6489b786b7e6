// A lock file of pip's that names bytes: every package with one version and the SHA-256 of each file that it
// may come in, as `pip-compile --generate-hashes` and `uv export` write it.
//
// Read strictly: a line that could be answered with other bytes than these is an Error. Pure; safe from any
// thread.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/result.h"

namespace sallyport::formats {

struct HashLocked {
  std::string name = {};  // normalised (PEP 503)
  std::string version = {};
  std::vector<Digest> digests = {};
  bool conditional = false;  // on the environment: it may be absent
  std::size_t line = 0;
};

// By name; each name once. At most limits::kHashLockBytesMax bytes and limits::kPackagesMax packages. Lines
// that name an index are passed over, since no index is asked.
Result<std::vector<HashLocked>> read_hash_lock(std::string_view text);

}  // namespace sallyport::formats
