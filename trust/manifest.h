// What a directory holds, as one value with one digest: sorted entries of path, mode, size and SHA-256.
//
// The manifest is canonical JSON, {"entries": [{"mode", "path", "sha256", "size"}], "format":
// kManifestFormat}; its SHA-256 names the directory. The mode is "file" or "executable"; an empty directory
// is an entry of mode "directory" without size and digest. Symbolic links, devices, sockets and FIFOs are
// refused, and so is any path that would lead elsewhere. Values only; safe from any thread.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/digest.h"
#include "core/env.h"
#include "core/json.h"

namespace sallyport::trust {

inline constexpr std::string_view kManifestFormat = "https://sallyport.dev/manifest/v1";

enum class EntryMode : std::uint8_t { kFile, kExecutable, kEmptyDirectory };

struct ManifestEntry {
  std::string path = {};  // relative, '/' between parts, UTF-8 and without control characters
  EntryMode mode = EntryMode::kFile;
  std::uint64_t size = 0;
  Digest sha256 = {};
  bool operator==(const ManifestEntry&) const = default;
};

struct Manifest {
  std::vector<ManifestEntry> entries = {};  // sorted by path in byte order

  const ManifestEntry* find(std::string_view path) const;
  bool operator==(const Manifest&) const = default;
};

// Strict: canonical spelling, sorted, unique, safe paths, no path below a file.
Result<Manifest> parse_manifest(BytesView bytes);
std::string serialize(const Manifest& manifest);
Digest digest_of(const Manifest& manifest);

// "a/b.txt", but not "", "/a", "../a", "a//b", "a/./b", or one with a NUL, a newline or bytes that are not
// UTF-8.
Result<void> check_relative_path(std::string_view path);

// What is below `directory`, sorted by path, sizes and modes filled in, nothing hashed yet.
Result<std::vector<ManifestEntry>> walk_directory(Env& env, const fs::path& directory);
// Calls `body` for every file among `entries`, on all cores when there is much to do; the first Error by path
// returns.
Result<void> for_each_file(std::vector<ManifestEntry>& entries,
                           const std::function<Result<void>(ManifestEntry&)>& body);
// Walks `directory` and hashes its files on all cores.
Result<Manifest> scan_directory(Env& env, const fs::path& directory);

enum class Change : std::uint8_t { kAdded, kRemoved, kChanged, kMode };
std::string_view name_of(Change change);
struct Difference {
  Change change;
  std::string path = {};
  bool operator==(const Difference&) const = default;
};
// From `before` to `after`, sorted by path.
std::vector<Difference> compare(const Manifest& before, const Manifest& after);

// The digest that names a file or a directory on disk.
Result<Digest> digest_of_path(Env& env, const fs::path& path);

}  // namespace sallyport::trust
