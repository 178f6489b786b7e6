// Limits of 7z archives; as core/limits.h for its area.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t k7zHeaderBytesMax = 64 * kMiB;  // unpacked
inline constexpr int k7zHeaderDepthMax = 4;                  // a header packed in a header
inline constexpr std::size_t k7zFoldersMax = 100'000;
inline constexpr std::size_t k7zCodersMax = 32;  // of one folder, as 7-Zip has it

}  // namespace sallyport::limits
