// Zip archives (PKWARE APPNOTE 6.3.10) as every loader might read them.
//
// Loaders disagree: some follow the central directory of the last end record, some another one, some walk the
// local headers; PyTorch ignores checksums, flags and encryption bits, and names differ between the two
// headers in archives made to deceive. So all end records are followed and all local headers walked, and a
// member is listed once for each distinct reading. What differs is a Disagreement, never an error.
//
// Nothing is inflated here. A Member's view points into the archive. Limits: limits::kArchiveMembersMax, no
// member may overlap another one (an overlap bomb), and no recursion. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::zip {

inline constexpr std::uint16_t kStored = 0;
inline constexpr std::uint16_t kDeflated = 8;

struct Member {
  std::string name = {};
  std::uint16_t method = kStored;
  std::uint64_t header_offset = 0;  // of the local header, in the file
  std::uint64_t data_offset = 0;
  BytesView data = {};     // as stored
  std::uint64_t size = 0;  // inflated, as announced; not to be trusted
  bool size_known = true;  // false: only a data descriptor behind the member tells
  bool overlaps = false;   // the member before it; made to be inflated again and again
  bool listed = false;     // by a central directory
};

struct Disagreement {
  std::uint64_t offset = 0;
  std::string what;  // "central directory says a/data.pkl, local header says b/data.pkl"
};

// A stretch of the file that belongs to no header, member, directory or end record.
struct Gap {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Archive {
  std::vector<Member> members = {};  // by header_offset
  std::vector<Disagreement> disagreements = {};
  std::vector<Gap> gaps = {};
  bool has_end = false;  // an end record was found; without one the archive is cut short
};

// Whether a loader might take the file for a zip: a local header at the front, or an end record near the end.
bool is_zip(BytesView bytes);

// Error only when there is neither an end record nor a local header, or when a limit is exceeded.
Result<Archive> parse(BytesView bytes);

}  // namespace sallyport::formats::zip
