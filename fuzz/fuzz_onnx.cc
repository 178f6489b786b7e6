// ONNX: reading and examining end on any bytes, and what can be written again has one spelling.
#include <cstdlib>

#include "formats/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace onnx = sallyport::formats::onnx;
  const auto model = onnx::read_onnx({data, size});
  if (!model) return 0;
  const bool verified = onnx::verify_onnx(*model).has_value();
  const auto written = onnx::write_onnx(*model);
  if (!written) return 0;
  const auto again = onnx::read_onnx(*written);
  // What is well-formed stays so, and a second writing changes nothing.
  if (verified && !again) std::abort();
  if (!again) return 0;
  const auto twice = onnx::write_onnx(*again);
  if (!twice || *twice != *written) std::abort();
  return 0;
}
