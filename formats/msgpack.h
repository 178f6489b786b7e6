// MessagePack, as Flax and others keep weights in it: whether a file is one value, whole, and what lies in
// it.
//
// Strict: one value from the first byte to the last, keys of maps are text or bytes, nesting and the number
// of values are bounded. Flax's arrays (extension 1: shape, type, bytes) are held to their own size. Nothing
// is built, nothing recurses; linear. Source: the MessagePack specification, flax/serialization.py. Pure
// functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::msgpack {

struct Blob {
  std::size_t offset = 0;
  std::size_t length = 0;
};
struct Extension {
  int type = 0;
  std::size_t offset = 0;  // of its data
  std::size_t length = 0;
};

struct Document {
  std::size_t values = 0;
  std::size_t arrays = 0;                  // of Flax's, whose shape and type fit their bytes
  std::vector<Blob> blobs = {};            // of type bin, outside of arrays
  std::vector<Extension> unknown = {};     // extensions that only a program of its own understands
  std::vector<std::string> problems = {};  // arrays that do not fit
};

// By the front: a map with at least one member, whose first key is text.
bool may_begin(BytesView bytes);
Result<Document> read(BytesView bytes);

}  // namespace sallyport::formats::msgpack
