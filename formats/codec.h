// Compressed streams, by the name of what packed them, unpacked within a budget.
//
// What was unpacked before an error is kept, because a loader that reads as it goes has acted on it, and
// checksums are not believed. A stream that grows out of all proportion ends early with `over_budget`
// (limits::kExpansionFree, kExpansionRatioMax). Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/bytes.h"
#include "formats/inflate.h"

namespace sallyport::formats {

enum class Codec : std::uint8_t {
  kNone,
  kDeflate,  // bare, as in zip
  kZlib,
  kGzip,
  kBzip2,
  kXz,
  kLzma,     // .lzma files
  kLzmaZip,  // zip's method 14
  kZstd,
  kLz4,  // frames
};
std::string_view name_of(Codec codec);

// At most `bytes_max` bytes. `consumed` tells where the stream ended. kNone copies. `size`, where something
// announces it, is needed by kLzmaZip and only helps the others.
Inflated unpack(Codec codec, BytesView bytes, std::size_t bytes_max,
                std::optional<std::uint64_t> size = std::nullopt);

// The codec whose header the first bytes are. zlib's and lzma's are a few bits: the caller tries them.
std::optional<Codec> codec_of(BytesView bytes);

}  // namespace sallyport::formats
