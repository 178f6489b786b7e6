// Limits of data sets that are read into memory and of what is computed over them.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kTableCellsMax = 400'000'000;  // of one data set, in memory
inline constexpr std::size_t kTableUnpackedBytesMax = 4 * kGiB;
inline constexpr std::size_t kJsonLineBytesMax = 16 * kMiB;
inline constexpr std::size_t kArrayRankMax = 32;
inline constexpr std::size_t kPictureSideMax = 16'384;  // pixels
inline constexpr std::size_t kPicturePixelsMax = 64'000'000;
inline constexpr std::size_t kPictureFilesMax = 2'000'000;       // of one folder
inline constexpr std::size_t kJpegScansMax = 200;
inline constexpr std::size_t kPersonalTextBytesMax = 64 * kMiB;  // of one text
inline constexpr std::size_t kQuasiIdentifiersMax = 32;
inline constexpr std::size_t kAnnotatorsMax = 10'000;

}  // namespace sallyport::limits
