// TensorFlow's graphs: reading ends on any bytes, whatever they are taken for, and strangers lie in the file.
#include <cstdlib>

#include "formats/tensorflow.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace tensorflow = sallyport::formats::tensorflow;
  using enum tensorflow::Kind;
  for (const tensorflow::Kind kind : {kGraphDef, kMetaGraph, kSavedModel}) {
    const auto graphs = tensorflow::read_tensorflow({data, size}, kind);
    if (!graphs) continue;
    std::size_t at = 0;
    for (const auto& gap : graphs->unknown) {
      if (gap.offset < at || gap.length > size - gap.offset) std::abort();
      at = gap.offset + gap.length;
    }
  }
  return 0;
}
