// Limits of tables that are read part by part, and of the memory that a check of one keeps to.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kDataMemoryBytes = 4 * kGiB;  // of a check, unless told otherwise
inline constexpr std::size_t kDataMemoryBytesMin = 128 * kMiB;
inline constexpr std::size_t kTableReadBytesMax = 64 * kGiB;  // that a compressed table may unpack to
inline constexpr std::size_t kCsvRowBytesMax = 64 * kMiB;
inline constexpr std::uint64_t kArrayNumbersMax = std::uint64_t{1} << 40;

}  // namespace sallyport::limits
