// Compressed streams handed on chunk by chunk, so that memory does not follow their size.
//
// As formats/codec.h otherwise: what expands out of all proportion ends early. Pure but for what the sink
// does.
#pragma once

#include <functional>

#include "formats/codec.h"

namespace sallyport::formats {

struct Sink {
  std::function<Result<void>(BytesView)> take;  // its Error ends the unpacking
  std::uint64_t made = 0;                       // bytes that were handed on
};

// `bytes` of the answer is empty. Not for kNone and kLzmaZip.
Inflated unpack_to(Codec codec, BytesView bytes, std::size_t bytes_max, Sink& sink);

// For one codec each; see formats/codec_streams.h and formats/inflate.h.
Inflated inflate_to(BytesView bytes, Wrapper wrapper, std::size_t bytes_max, Sink* sink);
Inflated bzip2_to(BytesView bytes, std::size_t bytes_max, Sink* sink);
Inflated xz_to(BytesView bytes, std::size_t bytes_max, Sink* sink);
Inflated lzma_alone_to(BytesView bytes, std::size_t bytes_max, Sink* sink);
Inflated zstd_to(BytesView bytes, std::size_t bytes_max, Sink* sink);
Inflated lz4_to(BytesView bytes, std::size_t bytes_max, Sink* sink);

}  // namespace sallyport::formats
