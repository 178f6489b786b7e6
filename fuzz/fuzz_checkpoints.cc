// Weights without a format of their own: tables of TensorFlow's checkpoints, MessagePack. What they name lies
// in the file, and a document that was read once is read again.
#include <cstdlib>

#include "formats/msgpack.h"
#include "formats/tensor_bundle.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const sallyport::BytesView bytes{data, size};
  if (const auto read = formats::msgpack::read(bytes)) {
    for (const auto& blob : read->blobs) {
      if (blob.length > size || blob.offset > size - blob.length) std::abort();
    }
    for (const auto& extension : read->unknown) {
      if (extension.length > size || extension.offset > size - extension.length) std::abort();
    }
  }
  if (const auto read = formats::read_tensor_bundle(bytes); read && read->shards == 0) std::abort();
  return 0;
}
