// model.json: a description that is read is written and read again as the same network.
#include <cstdlib>

#include "learn/network.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace learn = sallyport::learn;
  const auto network = learn::parse_network({reinterpret_cast<const char*>(data), size});
  if (!network) return 0;
  const auto again = learn::parse_network(sallyport::canonical(learn::to_json(*network)));
  if (!again || *again != *network) std::abort();
  return 0;
}
