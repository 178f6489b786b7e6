// GGUF: whatever is read lies within the bytes, and a file without a flaw has no tensor outside of it.
#include <cstdlib>

#include "formats/gguf.h"
#include "formats/jinja.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const sallyport::formats::Gguf read = sallyport::formats::read_gguf({data, size});
  for (const auto& value : read.values) {
    if (value.offset > size) std::abort();
  }
  if (!read.flaw) {
    for (const auto& tensor : read.tensors) {
      if (tensor.offset > size || tensor.size > size - tensor.offset) std::abort();
    }
  }
  sallyport::formats::jinja::judge({reinterpret_cast<const char*>(data), size});
  return 0;
}
