// Limits of the packages that a step installs.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kHashLockBytesMax = 16 * kMiB;
inline constexpr std::size_t kHashesOfPackageMax = 1000;  // one a platform and a format, over all releases
inline constexpr std::uint64_t kWheelBytesMax = 4096 * std::uint64_t{kMiB};
inline constexpr std::uint64_t kWheelUnpackedBytesMax = 4096 * std::uint64_t{kMiB};
inline constexpr std::size_t kWheelFilesMax = 100'000;

}  // namespace sallyport::limits
