// Data sets from outside: what a publisher signs of a release, and the lock file that remembers what was
// taken.
//
// A release is a folder with release.json in it: a statement about the manifest of all other files, signed by
// one key. data.lock binds a name to the publisher's key, the version and the manifest; it belongs into the
// repository beside the code. As TUF has its clients do: what was pinned is never exchanged by another key's
// word, a version never goes back, and a release that has expired is refused, so that a mirror cannot hold a
// client on an old one. Values only; safe from any thread.
#pragma once

#include <map>
#include <string>

#include "trust/dsse.h"
#include "trust/manifest.h"
#include "trust/statement.h"

namespace sallyport::trust {

inline constexpr std::string_view kReleaseFile = "release.json";

namespace predicate {
inline constexpr std::string_view kDataRelease = "https://sallyport.dev/data-release/v1";
}  // namespace predicate

struct DataRelease {
  std::string name = {};
  std::int64_t version = 0;  // from 1
  std::int64_t expires_unix_s = 0;
  Digest manifest = {};  // of the folder without release.json
};
Statement statement_of(const DataRelease& release);
// Verifies the signature of `publisher` and reads what it is about.
Result<DataRelease> read_release(BytesView envelope, const PublicKey& publisher);

// The folder's manifest without release.json.
Manifest released_part(const Manifest& folder);

struct DataPin {
  std::string publisher =
      {};  // PEM; empty: nobody signed what was taken, and only the same bytes are taken again
  std::int64_t version = 0;  // 0: no release
  Digest manifest = {};

  bool operator==(const DataPin&) const = default;
};

struct DataLock {
  std::map<std::string, DataPin> pins = {};

  bool operator==(const DataLock&) const = default;
};
// {"datasets": {NAME: {"manifest", "publisher", "version"}}, "format": "sallyport-data-lock/1"}, closed.
Result<DataLock> parse_data_lock(BytesView bytes);
std::string serialize(const DataLock& lock);

// What may be pinned next: the same bytes, or a newer release by the pinned key. kDenied says why not.
// `release` is null when the folder has none.
Result<DataPin> next_pin(const DataPin& pin, const std::string& name, const Manifest& folder,
                         const Bytes* release, std::int64_t now_unix_s);

}  // namespace sallyport::trust
