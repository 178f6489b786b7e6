// Archives that would fill a disk, forged small: nobody ever holds what they unpack to.
//
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::drills::forges {

// `mebibytes` of zeros as one gzip stream.
Bytes gzip_of_zeros(std::size_t mebibytes);
Bytes gzip(BytesView bytes);

struct ZipPart {
  std::string name = {};
  Bytes packed = {};       // with deflate
  std::uint64_t size = 0;  // unpacked
};
// A bare deflate stream of zeros.
ZipPart zeros_part(std::string name, std::size_t mebibytes);
Bytes zip(const std::vector<ZipPart>& parts);
// `count` members, all of them the same local header and bytes.
Bytes overlapping_zip(std::size_t count);
Bytes npy_of_shape(const std::string& shape);

}  // namespace sallyport::drills::forges
