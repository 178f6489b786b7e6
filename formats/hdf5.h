// HDF5 files (HDF5 File Format Specification 3.0): what is in them, what they name outside, which bytes
// belong to what.
//
// Superblocks 0 to 3 behind a user block or none, object headers of both versions, groups of both styles,
// attributes in headers and heaps, every layout of datasets but chunks indexed by extensible arrays, which
// are `unread`. Chunks are not unpacked. An address is followed once, so cycles end; structures may not cover
// the file more than limits::kHdf5CoverMax times. Damage ends in `unread`, never in silence. No recursion.
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::formats::hdf5 {

struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

struct Attribute {
  std::string object = {};  // "/", "/model_weights/dense"
  std::string name = {};
  bool is_text = false;
  std::vector<std::string> values = {};  // text, or the raw bytes of the value as one
};

enum class Outside : std::uint8_t { kLink, kStorage, kVirtual, kUserDefined };
// Something that is taken from another file, or by code that an application registered.
struct External {
  Outside kind = Outside::kLink;
  std::string object = {};  // the link's or the dataset's path
  std::string file = {};
  std::uint64_t offset = 0;
};

struct Dataset {
  std::string path = {};
  std::string type = {};      // "integer", "float", "string", "vlen", ...
  std::vector<int> filters = {};
  Stretch data = {};          // contiguous values, in the file; nothing otherwise
};

struct Note {
  std::uint64_t offset = 0;
  std::string what = {};
};

struct File {
  std::uint64_t base = 0;  // of the superblock: what lies before is the user block
  std::uint64_t end = 0;   // as the superblock says, at most the bytes there are
  std::vector<Stretch> structures = {};
  std::vector<Stretch> chunks = {};
  std::vector<Attribute> attributes = {};
  std::vector<Dataset> datasets = {};
  std::vector<External> externals = {};
  std::vector<Note> unread = {};
};

// Where the first superblock's signature is: at 0, 512, 1024, 2048 and so on.
std::optional<std::uint64_t> find_superblock(BytesView bytes);
File read(BytesView bytes, std::uint64_t superblock);

}  // namespace sallyport::formats::hdf5
