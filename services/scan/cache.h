// What earlier scans of one repository said of contents that it still holds.
//
// One file a repository, below the user's cache folder or one that was named, never inside the repository. An
// entry's key is a digest of all that the answer depends on in the file: what it is, its path, its bytes. The
// file as a whole belongs to one rule set: another build, policy or limit starts an empty one. What it may be
// trusted with is told in services/scan/private_file.h. Entries that a scan did not ask for are dropped when
// it is saved. Safe from any thread.
#pragma once

#include <filesystem>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/digest.h"
#include "core/result.h"

namespace sallyport::services::scan {

class Cache {
 public:
  // An absent, damaged or foreign file is an empty cache. `repository` is the folder that is scanned.
  Cache(std::filesystem::path folder, const std::filesystem::path& repository, const Digest& rules);

  std::optional<std::string> find(const Digest& key);
  void put(const Digest& key, std::string value);
  // Writes it when it differs from what was read. A cache that cannot be written is none: the Error is for
  // whoever wants to tell.
  Result<void> save();

  std::size_t hits() const { return hits_; }

 private:
  struct KeyHash {
    std::size_t operator()(const Digest& key) const;
  };
  struct Entry {
    std::string value;
    bool used = false;
  };
  void parse(std::string_view text);

  std::filesystem::path folder_;
  std::filesystem::path file_;
  Digest rules_;
  std::mutex mutex_;
  std::unordered_map<Digest, Entry, KeyHash> entries_;
  std::size_t hits_ = 0;
  bool changed_ = false;
};

// What the files of a repository are called in a cache folder, without their ends.
std::string cache_name(const std::filesystem::path& repository);

// The user's own: $XDG_CACHE_HOME/sallyport, else ~/.cache/sallyport; empty when neither is known.
std::filesystem::path user_cache_folder();

// Which build this is: the linker's note in the program or library that this code is in; empty when the
// linker left none.
std::string build_id();

}  // namespace sallyport::services::scan
