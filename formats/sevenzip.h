// 7z archives: the headers, packed or plain, and the folders whose coders unpack the members.
//
// A folder is a stream that holds one member behind another; only a chain of coders is followed: copy, LZMA,
// LZMA2, deflate, bzip2, zstd, lz4, delta and the filters for machine code. Other coders, BCJ2 and encryption
// among them, are named, and the folder stays shut. Checksums are not believed and not needed. Nothing is
// allocated by a count that the input states and its bytes do not hold. Limits: limits::k7z*,
// kArchiveMembersMax. Source: 7zFormat.txt of 7-Zip 23. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"
#include "formats/inflate.h"

namespace sallyport::formats::sevenzip {

struct Coder {
  std::uint64_t id = 0;
  Bytes properties = {};
  std::uint64_t size = 0;  // of what it makes
};
struct Folder {
  std::vector<Coder> chain = {};  // in the order of unpacking
  std::uint64_t offset = 0;       // of the packed bytes, in the file
  std::uint64_t length = 0;
  std::string shut = {};  // why it is not opened: "is encrypted"; empty when it can be

  std::uint64_t size() const { return chain.empty() ? 0 : chain.back().size; }
};
struct Member {
  std::string name = {};
  std::size_t folder = 0;
  std::uint64_t offset = 0;  // in the unpacked folder
  std::uint64_t size = 0;
  bool symbolic = false;  // a link, whose target is its content
};
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};
struct Archive {
  std::vector<Folder> folders = {};
  std::vector<Member> members = {};     // those that have bytes, in the order of their folders
  std::vector<std::string> empty = {};  // names of files and folders without any
  std::vector<Stretch> used = {};       // of the file
};

bool is_7z(BytesView bytes);
Result<Archive> parse(BytesView bytes);
// At most `bytes_max` bytes; what was unpacked before an error is kept.
Inflated unpack(BytesView file, const Folder& folder, std::size_t bytes_max);

}  // namespace sallyport::formats::sevenzip
