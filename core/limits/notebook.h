// Limits of what a confined notebook may send through the egress broker.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kEgressBodyBytesMax = 16 * kMiB;
inline constexpr std::size_t kEgressLayersMax = 64;                // of one body
inline constexpr std::size_t kEgressUnpackedBytesMax = 64 * kMiB;  // of all its layers
inline constexpr std::size_t kEgressPrintsMax = 4'000'000;         // of everything that is protected
inline constexpr std::size_t kEgressHeadBytesMax = 4 * kKiB;
inline constexpr std::size_t kEgressAnswerBytesMax = 64 * kKiB;  // of a destination, to one body
inline constexpr std::size_t kEgressListedMax = 100'000;         // bodies that a report names
inline constexpr std::size_t kEgressSeenMax = 4096;  // windows of one notebook that are remembered

}  // namespace sallyport::limits
