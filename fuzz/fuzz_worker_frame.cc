// The frames of workers: a frame that decodes encodes to a frame that decodes to the same.
#include <cstdlib>

#include "learn/worker.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace worker = sallyport::learn::worker;
  const auto frame = worker::decode_frame({data, size});
  if (!frame) return 0;
  const auto encoded = worker::encode_frame(frame->header, frame->payload);
  if (!encoded) std::abort();
  const auto again = worker::decode_frame(*encoded);
  if (!again || again->header != frame->header || again->payload != frame->payload) std::abort();
  const auto tensors = worker::tensors_in(*frame, "inputs");
  if (tensors) {
    std::size_t total = 0;
    for (const worker::Tensor& tensor : *tensors) total += tensor.bytes.size();
    if (total != frame->payload.size()) std::abort();
  }
  return 0;
}
