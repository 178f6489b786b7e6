// Work for all cores: a loop whose iterations are independent.
#pragma once

#include <cstddef>
#include <functional>

namespace sallyport {

// Calls body(i) once for every i in [0, count), from up to `threads` threads (0: as many as there are cores).
// The order is unspecified; the call returns when all are done. `body` must not touch shared state without a
// lock.
void parallel_for(std::size_t count, const std::function<void(std::size_t)>& body, unsigned threads = 0);

unsigned core_count();

}  // namespace sallyport
