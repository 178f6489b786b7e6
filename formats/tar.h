// Tar archives (POSIX ustar, GNU, pax, v7): the members and where their bytes are.
//
// Only what finding a model inside needs: regular members with GNU long names; pax headers are members of no
// interest. Sizes come in octal or GNU's base 256. Links are listed without bytes and never followed. A wrong
// checksum ends the archive as it does for tar. Limit: limits::kArchiveMembersMax. Pure functions.
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
  std::uint64_t offset = 0;
  BytesView data = {};
};

struct Archive {
  std::vector<Member> members = {};
  std::size_t end = 0;              // one past the last header or member that was read
  std::optional<Error> error = {};  // why reading stopped early
};

// Whether the first block is a header whose checksum holds.
bool is_tar(BytesView bytes);
Archive parse(BytesView bytes);

}  // namespace sallyport::formats::tar
