// TFLite: what is read lies in the file, part by part.
#include <cstdlib>

#include "formats/tflite.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = sallyport::formats::tflite::read_tflite({data, size});
  if (!model) return 0;
  for (const auto& part : model->used) {
    if (part.begin > part.end || part.end > size) std::abort();
  }
  for (const auto& gap : model->unreferenced) {
    if (gap.begin >= gap.end || gap.end > size) std::abort();
  }
  return 0;
}
