// Pictures, armour and weights: what is said lies in the bytes.
#include <cstdlib>

#include "formats/armour.h"
#include "formats/media.h"
#include "formats/weights.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const sallyport::BytesView bytes(data, size);
  if (formats::media_end(bytes) > size) std::abort();
  if (formats::find_numbers(bytes).bytes > size || formats::dense_bytes(bytes) > size) std::abort();
  (void)formats::weight_container(bytes);
  for (const auto& part : formats::find_armoured(sallyport::as_text(bytes), 16)) {
    if (part.offset + part.length > size || part.bytes.size() > part.length) std::abort();
  }
  return 0;
}
