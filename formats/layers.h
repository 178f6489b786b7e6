// What lies inside a file: members of archives and what is compressed, layer by layer, whatever the file is
// called.
//
// The file itself is the first layer. Zip, tar, gzip and zlib are opened; every format that a layer's bytes
// could start is tried, so that a pickle in front of a zip hides neither. bzip2, xz, zstd, lz4 and 7z are
// recognised and reported as unread. Bounded by limits::kArchiveDepthMax, kArchiveMembersMax and
// kInflatedBytesMax; what a bound leaves out is reported as unread, never passed over. No recursion. For one
// thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::formats {

struct Layer {
  std::string path = {};     // "" for the file, "archive/data.pkl" in it, "a.zip > b.gz > ..." deeper
  BytesView bytes = {};      // valid during the call
  std::uint64_t offset = 0;  // in the file, when the bytes lie in it as they are
  bool in_place = true;
  int depth = 0;
};

struct Note {
  std::string path;
  std::uint64_t offset = 0;
  std::string what;
};

struct Peeled {
  std::vector<Note> unread = {};         // what could not be looked into, and why
  std::vector<Note> disagreements = {};  // loaders would see different members
};

Peeled peel(BytesView file, const std::function<void(const Layer&)>& visit);

}  // namespace sallyport::formats
