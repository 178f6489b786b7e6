// A fuzz target that must crash: `./dev fuzz` runs it first, and a fuzzer that does not find it is broken.
// Four branches in a row stand between a random input and the crash, so only one that follows coverage gets
// there.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 3 && data[0] == 'g') {
    if (data[1] == 'a') {
      if (data[2] == 't') {
        if (data[3] == 'e') std::abort();
      }
    }
  }
  return 0;
}
