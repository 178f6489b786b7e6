// A step of a hash for tables and samples that no adversary profits from; never for what is signed.
#pragma once

#include <cstdint>

namespace sallyport {

// The last step of SplitMix64 (Steele, Lea, Flood 2014): one to one, each bit of the result depends on all of
// `z`.
constexpr std::uint64_t mixed(std::uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

}  // namespace sallyport
