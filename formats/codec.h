// Compressed streams, by the name of what packed them, unpacked within a budget.
//
// What was unpacked before an error is kept, because a loader that reads as it goes has acted on it, and
// checksums are not believed. Pure functions, safe from any thread.
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
};
std::string_view name_of(Codec codec);

// At most `bytes_max` bytes. `consumed` tells where the stream ended. kNone copies.
Inflated unpack(Codec codec, BytesView bytes, std::size_t bytes_max);

// The codec whose header the first bytes are.
std::optional<Codec> codec_of(BytesView bytes);

}  // namespace sallyport::formats
