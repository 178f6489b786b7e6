// Limits of boosted trees and the formats they come in; as core/limits.h for its area.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kUbjsonItemsMax = 30'000'000;  // values of one document
inline constexpr std::size_t kLightgbmBytesMax = 2 * kGiB;
inline constexpr std::size_t kTreeFlawsMax = 100;  // that are told of one file

}  // namespace sallyport::limits
