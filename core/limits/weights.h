// Limits of the search for weights in repositories; as core/limits.h for its area.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kWeightPiecesMax = 10'000;  // of one file: layers, texts, what follows a picture
inline constexpr int kWeightDepthMax = 6;                // text within text within an archive
inline constexpr std::size_t kWeightUnpackedBytesMax = 512 * kMiB;  // of one file
inline constexpr std::size_t kPictureSegmentsMax = 10'000'000;

}  // namespace sallyport::limits
