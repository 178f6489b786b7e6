// Limits of what stands beside exported weights: bundle.json and the parts that we read ourselves.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kBundleBytesMax = 16 * kMiB;
inline constexpr std::size_t kBundlePartsMax = 100'000;
inline constexpr std::size_t kLabelsMax = 1'000'000;
inline constexpr std::size_t kGoldenSamplesMax = 10'000;
inline constexpr std::size_t kGoldenCellsMax = 2'000'000;  // samples times features

}  // namespace sallyport::limits
