#include "formats/codec_streams.h"

#include <bzlib.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

#include <algorithm>

#include "core/limits.h"
#include "formats/codec_pump.h"
#include "formats/lzma_stream.h"

namespace sallyport::formats {
namespace {

class Bzip2 {
 public:
  Bzip2() { ready_ = BZ2_bzDecompressInit(&z_, 0, 0) == BZ_OK; }
  ~Bzip2() {
    if (ready_) BZ2_bzDecompressEnd(&z_);
  }
  Bzip2(const Bzip2&) = delete;
  Bzip2& operator=(const Bzip2&) = delete;

  Step step(Window& w) {
    if (!ready_) return Step::kTooLarge;
    // bzip2 counts in 32 bits, files do not.
    const std::size_t feed = std::min<std::size_t>(w.in_left, 1U << 30);
    z_.next_in = reinterpret_cast<char*>(const_cast<std::uint8_t*>(w.in));
    z_.avail_in = static_cast<unsigned>(feed);
    z_.next_out = reinterpret_cast<char*>(w.out);
    z_.avail_out = static_cast<unsigned>(w.out_left);
    const int status = BZ2_bzDecompress(&z_);
    const std::size_t took = feed - z_.avail_in;
    w.in += took;
    w.in_left -= took;
    w.out_left = z_.avail_out;
    if (status == BZ_STREAM_END) return Step::kEnd;
    return status == BZ_OK ? Step::kMore : Step::kDamaged;
  }

 private:
  bz_stream z_{};
  bool ready_ = false;
};

class Zstd {
 public:
  Zstd() : context_(ZSTD_createDCtx()) {
    constexpr int kWindowLogMax = 27;  // what `zstd --long` unpacks by default
    if (context_ != nullptr) ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLogMax);
  }
  ~Zstd() { ZSTD_freeDCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  Step step(Window& w) {
    if (context_ == nullptr) return Step::kTooLarge;
    ZSTD_inBuffer in{w.in, w.in_left, 0};
    ZSTD_outBuffer out{w.out, w.out_left, 0};
    const std::size_t status = ZSTD_decompressStream(context_, &out, &in);
    w.in += in.pos;
    w.in_left -= in.pos;
    w.out_left -= out.pos;
    if (ZSTD_isError(status) != 0) return Step::kDamaged;
    return status == 0 ? Step::kEnd : Step::kMore;
  }

 private:
  ZSTD_DCtx* context_;
};

class Lz4 {
 public:
  Lz4() {
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context_, LZ4F_VERSION)) != 0) context_ = nullptr;
  }
  ~Lz4() { LZ4F_freeDecompressionContext(context_); }
  Lz4(const Lz4&) = delete;
  Lz4& operator=(const Lz4&) = delete;

  Step step(Window& w) {
    if (context_ == nullptr) return Step::kTooLarge;
    std::size_t in = w.in_left;
    std::size_t out = w.out_left;
    const std::size_t status = LZ4F_decompress(context_, w.out, &out, w.in, &in, nullptr);
    w.in += in;
    w.in_left -= in;
    w.out_left -= out;
    if (LZ4F_isError(status) != 0) return Step::kDamaged;
    return status == 0 ? Step::kEnd : Step::kMore;
  }

 private:
  LZ4F_dctx* context_ = nullptr;
};

bool starts_with(BytesView bytes, std::string_view magic) { return as_text(bytes).starts_with(magic); }

// zstd's and lz4's frames that carry no data: 184D2A50 to 184D2A5F.
bool is_skippable(BytesView bytes) {
  return bytes.size() >= 4 && (bytes[0] & 0xF0) == 0x50 && bytes[1] == 0x2A && bytes[2] == 0x4D &&
         bytes[3] == 0x18;
}

// One stream after the other while `more` takes the bytes behind the last one for another.
template <class Stream, class Make, class More>
Inflated in_a_row(BytesView bytes, std::size_t bytes_max, const std::string& name, Sink* sink, Make make,
                  More more) {
  Inflated out;
  while (true) {
    Stream stream = make();
    if (!pump(stream, bytes.subspan(out.consumed), bytes_max, name, out, sink)) return out;
    if (!more(bytes.subspan(out.consumed))) return out;
  }
}

}  // namespace

Inflated bzip2_to(BytesView bytes, std::size_t bytes_max, Sink* sink) {
  return in_a_row<Bzip2>(
      bytes, bytes_max, "bzip2", sink, [] { return Bzip2(); }, is_bzip2);
}

Inflated zstd_to(BytesView bytes, std::size_t bytes_max, Sink* sink) {
  return in_a_row<Zstd>(
      bytes, bytes_max, "zstd", sink, [] { return Zstd(); },
      [](BytesView rest) { return is_zstd(rest) || is_skippable(rest); });
}

Inflated lz4_to(BytesView bytes, std::size_t bytes_max, Sink* sink) {
  return in_a_row<Lz4>(
      bytes, bytes_max, "lz4", sink, [] { return Lz4(); },
      [](BytesView rest) { return is_lz4(rest) || is_skippable(rest); });
}

Inflated xz_to(BytesView bytes, std::size_t bytes_max, Sink* sink) {
  Inflated out;
  while (true) {
    LzmaStream stream = LzmaStream::xz();
    if (!pump(stream, bytes.subspan(out.consumed), bytes_max, "xz", out, sink)) return out;
    // Between streams stand zeros, four at a time.
    const BytesView rest = bytes.subspan(out.consumed);
    const auto zeros = std::find_if(rest.begin(), rest.end(), [](std::uint8_t byte) { return byte != 0; });
    const auto padding = static_cast<std::size_t>(zeros - rest.begin()) / 4 * 4;
    const bool another = is_xz(rest.subspan(padding));
    if (another || padding == rest.size()) out.consumed += padding;
    if (!another) return out;
  }
}

Inflated lzma_alone_to(BytesView bytes, std::size_t bytes_max, Sink* sink) {
  Inflated out;
  LzmaStream stream = LzmaStream::alone();
  pump(stream, bytes, bytes_max, "lzma", out, sink);
  return out;
}

Inflated unpack_lzma_bare(BytesView properties, BytesView bytes, std::size_t bytes_max,
                          std::optional<std::uint64_t> size) {
  Inflated out;
  // The same stream as in a .lzma file, whose header holds the properties and then the size.
  Bytes header(properties.begin(), properties.end());
  append_le(header, size.value_or(~std::uint64_t{0}), 8);
  LzmaStream stream = LzmaStream::alone();
  // liblzma takes no header while there is no room for a byte, though none can come of it.
  std::uint8_t none = 0;
  Window window{.in = header.data(), .in_left = header.size(), .out = &none, .out_left = 1};
  if (stream.step(window) != Step::kMore) {
    out.error = Error{ErrorKind::kInvalid, "lzma: bad properties"};
    return out;
  }
  pump(stream, bytes, bytes_max, "lzma", out);
  return out;
}

Inflated unpack_lzma_zip(BytesView bytes, std::size_t bytes_max, std::optional<std::uint64_t> size) {
  constexpr std::size_t kPropertiesAt = 4;
  constexpr std::size_t kBegin = kPropertiesAt + kLzmaPropertiesBytes;
  Inflated out;
  if (bytes.size() < kBegin || bytes[2] != kLzmaPropertiesBytes || bytes[3] != 0) {
    out.error = Error{ErrorKind::kInvalid, "lzma: no properties at byte 0"};
    return out;
  }
  out = unpack_lzma_bare(bytes.subspan(kPropertiesAt, kLzmaPropertiesBytes), bytes.subspan(kBegin), bytes_max,
                         size);
  out.consumed += kBegin;
  return out;
}

Inflated unpack_bzip2(BytesView bytes, std::size_t bytes_max) { return bzip2_to(bytes, bytes_max, nullptr); }

Inflated unpack_zstd(BytesView bytes, std::size_t bytes_max) { return zstd_to(bytes, bytes_max, nullptr); }

Inflated unpack_lz4(BytesView bytes, std::size_t bytes_max) { return lz4_to(bytes, bytes_max, nullptr); }

Inflated unpack_xz(BytesView bytes, std::size_t bytes_max) { return xz_to(bytes, bytes_max, nullptr); }

Inflated unpack_lzma_alone(BytesView bytes, std::size_t bytes_max) {
  return lzma_alone_to(bytes, bytes_max, nullptr);
}

bool is_bzip2(BytesView bytes) {
  return bytes.size() > 4 && starts_with(bytes, "BZh") && bytes[3] >= '1' && bytes[3] <= '9' &&
         (bytes[4] == 0x31 || bytes[4] == 0x17);
}

bool is_xz(BytesView bytes) {
  return starts_with(bytes, std::string_view("\xFD"
                                             "7zXZ\0",
                                             6));
}

bool is_lzma_alone(BytesView bytes) {
  constexpr std::size_t kHeaderBytes = 13;
  constexpr std::uint8_t kPropertiesMax = 9 * 5 * 5;
  if (bytes.size() <= kHeaderBytes || bytes[0] >= kPropertiesMax) return false;
  // joblib asks for no more than this.
  if (bytes[0] == 0x5D && bytes[1] == 0) return true;
  // Windows are powers of two, or a half more; sizes are below 256 GiB, or all ones.
  const std::uint32_t window = bytes[1] | bytes[2] << 8 | bytes[3] << 16 | std::uint32_t{bytes[4]} << 24;
  const std::uint32_t low = window & (~window + 1);
  const bool round = window == low || window == low * 3;
  const bool unknown = std::all_of(bytes.begin() + 5, bytes.begin() + kHeaderBytes,
                                   [](std::uint8_t byte) { return byte == 0xFF; });
  const bool sane = bytes[10] < 0x40 && bytes[11] == 0 && bytes[12] == 0 && bytes[9] != 0xFF;
  return window >= 4096 && round && (unknown || sane) && bytes[13] == 0;
}

bool is_zstd(BytesView bytes) { return starts_with(bytes, "\x28\xB5\x2F\xFD"); }
bool is_lz4(BytesView bytes) { return starts_with(bytes, "\x04\x22\x4D\x18"); }

}  // namespace sallyport::formats
