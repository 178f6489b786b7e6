// Limits of OpenSSF model signatures: the bundle, its certificates and what it lists.
#pragma once

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kModelBundleBytesMax = kJsonBytesMax;
inline constexpr std::size_t kCertificatesMax = 16;  // of one chain, or of one file of trusted ones
inline constexpr std::size_t kCertificateBytesMax = 64 * kKiB;

}  // namespace sallyport::limits
