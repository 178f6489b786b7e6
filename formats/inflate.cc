#include "formats/inflate.h"

#include <zlib.h>

#include <algorithm>
#include <array>

namespace sallyport::formats {
namespace {

constexpr std::size_t kChunkBytes = 64 * 1024;

class Stream {
 public:
  explicit Stream(int window_bits) { ready_ = inflateInit2(&z_, window_bits) == Z_OK; }
  ~Stream() {
    if (ready_) inflateEnd(&z_);
  }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  bool ready() const { return ready_; }
  z_stream& get() { return z_; }

 private:
  z_stream z_{};
  bool ready_ = false;
};

// Inflates one stream from the front of `input` into `out`; answers whether it came to its end.
bool inflate_one(BytesView input, int window_bits, std::size_t bytes_max, Inflated& out) {
  Stream stream(window_bits);
  if (!stream.ready()) {
    out.error = Error{ErrorKind::kIo, "deflate: out of memory"};
    return false;
  }
  z_stream& z = stream.get();
  std::array<std::uint8_t, kChunkBytes> chunk;
  std::size_t taken = 0;
  int status = Z_OK;
  while (status == Z_OK) {
    // zlib counts in 32 bits, files do not.
    const std::size_t feed = std::min<std::size_t>(input.size() - taken, 1U << 30);
    z.next_in = const_cast<std::uint8_t*>(input.data() + taken);
    z.avail_in = static_cast<uInt>(feed);
    z.next_out = chunk.data();
    z.avail_out = kChunkBytes;
    status = ::inflate(&z, Z_NO_FLUSH);
    taken += feed - z.avail_in;
    const std::size_t made = kChunkBytes - z.avail_out;
    const std::size_t room = bytes_max - out.bytes.size();
    out.bytes.insert(out.bytes.end(), chunk.data(), chunk.data() + std::min(made, room));
    if (made > room) {
      out.over_budget = true;
      out.error =
          Error{ErrorKind::kLimit, "deflate: more than " + std::to_string(bytes_max) + " bytes inflated"};
      return false;
    }
  }
  out.consumed += taken;
  if (status == Z_STREAM_END) return true;
  const std::string at = " at byte " + std::to_string(out.consumed);
  out.error =
      Error{ErrorKind::kInvalid, status == Z_BUF_ERROR ? "deflate: truncated" + at : "deflate: damaged" + at};
  return false;
}

}  // namespace

Inflated inflate(BytesView bytes, Wrapper wrapper, std::size_t bytes_max) {
  // Above 15: gzip's header; negative: none.
  const int window_bits = wrapper == Wrapper::kGzip ? 15 + 16 : (wrapper == Wrapper::kZlib ? 15 : -15);
  Inflated out;
  while (inflate_one(bytes.subspan(out.consumed), window_bits, bytes_max, out)) {
    const bool another = wrapper == Wrapper::kGzip && is_gzip(bytes.subspan(out.consumed));
    if (!another) break;
  }
  return out;
}

bool is_zlib(BytesView bytes) {
  return bytes.size() > 2 && (bytes[0] & 0x8F) == 0x08 && (bytes[0] * 256U + bytes[1]) % 31 == 0 &&
         (bytes[1] & 0x20) == 0;
}

bool is_gzip(BytesView bytes) {
  return bytes.size() > 3 && bytes[0] == 0x1F && bytes[1] == 0x8B && bytes[2] == 8;
}

}  // namespace sallyport::formats
