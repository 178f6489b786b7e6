// Limits of XML documents; as core/limits.h for its area.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kXmlBytesMax = 1 * kGiB;
inline constexpr std::size_t kXmlDepthMax = 256;
inline constexpr std::size_t kXmlElementsMax = 10'000'000;
inline constexpr std::size_t kXmlAttributesMax = 1000;  // of one element

}  // namespace sallyport::limits
