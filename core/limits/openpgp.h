// Limits of OpenPGP keyrings and signatures.
#pragma once

#include <cstddef>

#include "core/limits.h"

namespace sallyport::limits {

inline constexpr std::size_t kOpenPgpBytesMax = 16 * kMiB;  // of a keyring
inline constexpr std::size_t kOpenPgpSignatureBytesMax = 64 * kKiB;
inline constexpr std::size_t kOpenPgpPacketsMax = 200'000;
inline constexpr std::size_t kOpenPgpSubpacketsMax = 256;  // of one signature
// Of the keys that a signature may mean by its short id, and of the signatures that are tried for one
// binding.
inline constexpr std::size_t kOpenPgpCandidatesMax = 16;

}  // namespace sallyport::limits
