#include "fuzz/coverage.h"

namespace sallyport::fuzz {
namespace {

std::uint8_t taken[kEdgesMax];
std::uintptr_t previous = 0;

}  // namespace

std::span<std::uint8_t> coverage_map() { return taken; }

}  // namespace sallyport::fuzz

// The name is g++'s. Addresses are taken relative to the map, so that a seed gives the same run wherever the
// loader puts us.
extern "C" void __sanitizer_cov_trace_pc();
extern "C" void __sanitizer_cov_trace_pc() {
  using namespace sallyport::fuzz;
  const auto here = reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)) -
                    reinterpret_cast<std::uintptr_t>(&taken[0]);
  const std::uintptr_t mixed = here * 0x9E3779B97F4A7C15U;
  std::uint8_t& count = taken[((mixed >> 40) ^ previous) % kEdgesMax];
  if (count != 255) count++;
  previous = mixed >> 41;
}
