// Limits of the search for pickles among unexplained bytes; as core/limits.h for its area.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kHiddenBytesMax = 16 * kMiB;    // of one stretch
inline constexpr std::size_t kHiddenTriesMax = 1'000;        // of one file
inline constexpr std::size_t kHiddenWindow = 64 * 1024;      // that are interpreted from one place

}  // namespace sallyport::limits
