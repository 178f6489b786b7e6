// bzip2, xz, lzma, zstd and lz4 streams, unpacked within a budget by the libraries that define them.
//
// Streams of one kind in a row are one stream, as their tools have it; zstd's and lz4's skippable frames are
// passed over and xz's padding too. A decoder that asks for more than limits::kCodecMemoryMax is refused.
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/bytes.h"
#include "formats/inflate.h"

namespace sallyport::formats {

// Each unpacks at most `bytes_max` bytes; what was unpacked before an error is kept.
Inflated unpack_bzip2(BytesView bytes, std::size_t bytes_max);
Inflated unpack_xz(BytesView bytes, std::size_t bytes_max);
Inflated unpack_lzma_alone(BytesView bytes, std::size_t bytes_max);
// A bare stream with its five bytes of properties, as 7z keeps it; `size` when the archive announces one.
inline constexpr std::size_t kLzmaPropertiesBytes = 5;
Inflated unpack_lzma_bare(BytesView properties, BytesView bytes, std::size_t bytes_max,
                          std::optional<std::uint64_t> size);
// Zip's method 14: a version, the properties, then a bare stream; `size` when the archive announces one.
Inflated unpack_lzma_zip(BytesView bytes, std::size_t bytes_max, std::optional<std::uint64_t> size);
Inflated unpack_zstd(BytesView bytes, std::size_t bytes_max);
Inflated unpack_lz4(BytesView bytes, std::size_t bytes_max);

bool is_bzip2(BytesView bytes);
bool is_xz(BytesView bytes);
// lzma has no magic number: whether the thirteen bytes of its header could be one.
bool is_lzma_alone(BytesView bytes);
bool is_zstd(BytesView bytes);
bool is_lz4(BytesView bytes);

}  // namespace sallyport::formats
