#include "formats/inflate.h"

#include <zlib.h>

#include <algorithm>

#include "formats/codec_pump.h"

namespace sallyport::formats {
namespace {

class Stream {
 public:
  explicit Stream(int window_bits) { ready_ = inflateInit2(&z_, window_bits) == Z_OK; }
  ~Stream() {
    if (ready_) inflateEnd(&z_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  Step step(Window& w) {
    if (!ready_) return Step::kTooLarge;
    // zlib counts in 32 bits, files do not.
    const std::size_t feed = std::min<std::size_t>(w.in_left, 1U << 30);
    z_.next_in = const_cast<std::uint8_t*>(w.in);
    z_.avail_in = static_cast<uInt>(feed);
    z_.next_out = w.out;
    z_.avail_out = static_cast<uInt>(w.out_left);
    const int status = ::inflate(&z_, Z_NO_FLUSH);
    w.in_left -= feed - z_.avail_in;
    w.in = z_.next_in;
    w.out_left = z_.avail_out;
    if (status == Z_STREAM_END) return Step::kEnd;
    return status == Z_OK || status == Z_BUF_ERROR ? Step::kMore : Step::kDamaged;
  }

 private:
  z_stream z_{};
  bool ready_ = false;
};

bool inflate_one(BytesView input, int window_bits, std::size_t bytes_max, Inflated& out, Sink* sink) {
  Stream stream(window_bits);
  return pump(stream, input, bytes_max, "deflate", out, sink);
}

}  // namespace

Inflated inflate_to(BytesView bytes, Wrapper wrapper, std::size_t bytes_max, Sink* sink) {
  // Above 15: gzip's header; negative: none.
  const int window_bits = wrapper == Wrapper::kGzip ? 15 + 16 : (wrapper == Wrapper::kZlib ? 15 : -15);
  Inflated out;
  while (inflate_one(bytes.subspan(out.consumed), window_bits, bytes_max, out, sink)) {
    const bool another = wrapper == Wrapper::kGzip && is_gzip(bytes.subspan(out.consumed));
    if (!another) break;
  }
  return out;
}

Inflated inflate(BytesView bytes, Wrapper wrapper, std::size_t bytes_max) {
  return inflate_to(bytes, wrapper, bytes_max, nullptr);
}

bool is_zlib(BytesView bytes) {
  return bytes.size() > 2 && (bytes[0] & 0x8F) == 0x08 && (bytes[0] * 256U + bytes[1]) % 31 == 0 &&
         (bytes[1] & 0x20) == 0;
}

bool is_gzip(BytesView bytes) {
  return bytes.size() > 3 && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8;
}

}  // namespace sallyport::formats
