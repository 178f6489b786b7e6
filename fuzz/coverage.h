// Which edges of our code one run took, where g++ compiles the code: the compiler calls a hook at every basic
// block.
//
// One process, one thread: the map is plain memory, and fuzz targets start no threads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace sallyport::fuzz {

inline constexpr std::size_t kEdgesMax = std::size_t{1} << 16;

// How often each edge was taken since the map was last cleared; edges that share a slot are counted together.
std::span<std::uint8_t> coverage_map();

}  // namespace sallyport::fuzz
