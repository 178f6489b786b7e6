// safetensors: whatever is read covers its bytes exactly, and what is written again reads the same.
#include <cstdlib>

#include "formats/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const auto arrays = formats::read_safetensors({data, size});
  if (!arrays) return 0;
  const auto written = formats::write_safetensors(arrays->tensors, arrays->metadata);
  if (!written) std::abort();
  const auto again = formats::read_safetensors(*written);
  if (!again || again->tensors.size() != arrays->tensors.size() || again->metadata != arrays->metadata)
    std::abort();
  return 0;
}
