// Tar archives (v7, POSIX ustar and pax, GNU): the members and where their bytes are, as any loader may read
// them.
//
// GNU's long names and links, pax records that override name, link and size, and sizes in base 256 are
// followed; links are listed without bytes. Loaders part where a checksum is wrong (some stop, some skip,
// some do not look) and behind the zeros that end an archive: what lies there is listed as well, and said
// in `disagreements`. Limit: limits::kArchiveMembersMax. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::tar {

struct Member {
  std::string name = {};
  std::string link = {};  // of a hard or symbolic link: its target
  bool symbolic = false;  // the link counts from the member's own folder, not from the top
  bool sparse = false;    // the bytes are those without holes
  std::uint64_t header = 0;
  std::uint64_t offset = 0;
  BytesView data = {};
};

struct Disagreement {
  std::uint64_t offset = 0;
  std::string what;
};

// A stretch that is neither header nor member nor zeros.
struct Gap {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Archive {
  std::vector<Member> members = {};
  std::vector<Disagreement> disagreements = {};  // the first kDisagreementsMax
  std::vector<Gap> gaps = {};
  std::size_t end = 0;              // one past the last header or member that was read
  std::optional<Error> error = {};  // why reading stopped early
};
inline constexpr std::size_t kDisagreementsMax = 100;

// Whether the first block is a header whose checksum holds.
bool is_tar(BytesView bytes);
Archive parse(BytesView bytes);

}  // namespace sallyport::formats::tar
