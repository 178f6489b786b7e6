// DEFLATE streams (RFC 1951), bare, in zlib's wrapper (RFC 1950) or in gzip's (RFC 1952), inflated within a
// budget.
//
// Checksums are not believed: a loader that ignores them must not be shown other bytes than we see, so a
// wrong one is reported and the bytes are kept. What was inflated before an error is kept too, because a
// loader that reads as it goes has acted on it. Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

enum class Wrapper { kNone, kZlib, kGzip };

struct Inflated {
  Bytes bytes = {};
  std::size_t consumed = 0;         // of the input, to the end of the last stream that was read
  bool over_budget = false;         // there was more than `bytes_max`
  std::optional<Error> error = {};  // why it ended early; absent when the stream ended
};

// At most `bytes_max` bytes. Several gzip members in a row are one stream, as gunzip has it.
Inflated inflate(BytesView bytes, Wrapper wrapper, std::size_t bytes_max);

// Whether the first bytes are a zlib or gzip header.
bool is_zlib(BytesView bytes);
bool is_gzip(BytesView bytes);

}  // namespace sallyport::formats
