// Eight sums side by side: the compiler makes one vector register of them, or two on a narrower machine, and
// because the order of additions is written down it is the same everywhere.
#pragma once

#include <cstddef>

namespace sallyport::learn {

inline constexpr std::size_t kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

}  // namespace sallyport::learn
