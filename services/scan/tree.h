// What a path that somebody named holds: the files to scan, and the folder's list as guards see it.
//
// Links are not followed, except the one path that was named. A link that leaves the folder, a FIFO, a device
// and a folder that cannot be listed are entries with an error, so that they are said and not passed over; a
// link within the folder is none, because what it points to is scanned by its own name. A repository's .git
// is left to its reader. Bounded by limits::kManifestEntriesMax and kDirectoryDepthMax.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/guard.h"
#include "core/result.h"

namespace sallyport::services::scan {

struct TreeFile {
  std::filesystem::path path = {};  // to open
  std::string shown = {};           // for people
  std::string relative = {};        // within the folder; the file's own name when it was named itself
  std::optional<Error> error = {};
};

struct Tree {
  std::filesystem::path root = {};
  bool is_repository = false;
  std::vector<TreeFile> files = {};     // sorted by path
  std::vector<TreeEntry> entries = {};  // sorted by path; empty for a single file
};

Result<Tree> read_tree(const std::filesystem::path& path);

}  // namespace sallyport::services::scan
