// The coders of 7z by number, for formats/sevenzip*.cc. Source: Methods.txt of 7-Zip 23.
#pragma once

#include <lzma.h>

#include <array>
#include <cstdint>
#include <string_view>

#include "formats/codec.h"

namespace sallyport::formats::sevenzip {

enum class Kind : std::uint8_t { kCopy, kLzma, kLzma2, kDeflate, kBzip2, kZstd, kLz4, kFilter, kShut };

struct KnownCoder {
  std::uint64_t id;
  Kind kind;
  std::string_view name;
  lzma_vli filter = LZMA_VLI_UNKNOWN;
};
inline constexpr std::array<KnownCoder, 29> kCoders{{
    {0x00, Kind::kCopy, "copy"},
    {0x03, Kind::kFilter, "delta", LZMA_FILTER_DELTA},
    {0x04, Kind::kFilter, "x86", LZMA_FILTER_X86},
    {0x05, Kind::kFilter, "PowerPC", LZMA_FILTER_POWERPC},
    {0x06, Kind::kFilter, "IA-64", LZMA_FILTER_IA64},
    {0x07, Kind::kFilter, "ARM", LZMA_FILTER_ARM},
    {0x08, Kind::kFilter, "ARM Thumb", LZMA_FILTER_ARMTHUMB},
    {0x09, Kind::kFilter, "SPARC", LZMA_FILTER_SPARC},
    {0x0A, Kind::kFilter, "ARM64", LZMA_FILTER_ARM64},
    {0x21, Kind::kLzma2, "LZMA2"},
    {0x030101, Kind::kLzma, "LZMA"},
    {0x03030103, Kind::kFilter, "x86", LZMA_FILTER_X86},
    {0x0303011B, Kind::kShut, "BCJ2"},
    {0x03030205, Kind::kFilter, "PowerPC", LZMA_FILTER_POWERPC},
    {0x03030401, Kind::kFilter, "IA-64", LZMA_FILTER_IA64},
    {0x03030501, Kind::kFilter, "ARM", LZMA_FILTER_ARM},
    {0x03030701, Kind::kFilter, "ARM Thumb", LZMA_FILTER_ARMTHUMB},
    {0x03030805, Kind::kFilter, "SPARC", LZMA_FILTER_SPARC},
    {0x030401, Kind::kShut, "PPMd"},
    {0x040108, Kind::kDeflate, "deflate"},
    {0x040109, Kind::kShut, "deflate64"},
    {0x040202, Kind::kBzip2, "bzip2"},
    {0x04F71101, Kind::kZstd, "zstd"},
    {0x04F71102, Kind::kShut, "brotli"},
    {0x04F71104, Kind::kLz4, "lz4"},
    {0x06F10101, Kind::kShut, "encryption"},
    {0x06F10303, Kind::kShut, "encryption"},
    {0x06F10701, Kind::kShut, "encryption"},
    {0x04F71105, Kind::kShut, "lz5"},
}};

inline const KnownCoder* coder_of(std::uint64_t id) {
  for (const KnownCoder& coder : kCoders) {
    if (coder.id == id) return &coder;
  }
  return nullptr;
}
inline Kind kind_of(std::uint64_t id) {
  const KnownCoder* const coder = coder_of(id);
  return coder == nullptr ? Kind::kShut : coder->kind;
}
inline lzma_vli filter_of(std::uint64_t id) {
  const KnownCoder* const coder = coder_of(id);
  return coder == nullptr ? LZMA_VLI_UNKNOWN : coder->filter;
}

}  // namespace sallyport::formats::sevenzip
