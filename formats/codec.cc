#include "formats/codec.h"

#include <algorithm>

#include "formats/codec_streams.h"
#include "formats/unpack_to.h"

namespace sallyport::formats {

std::string_view name_of(Codec codec) {
  switch (codec) {
    case Codec::kNone: return "stored";
    case Codec::kDeflate: return "deflate";
    case Codec::kZlib: return "zlib";
    case Codec::kGzip: return "gzip";
    case Codec::kBzip2: return "bzip2";
    case Codec::kXz: return "xz";
    case Codec::kLzma:
    case Codec::kLzmaZip: return "lzma";
    case Codec::kZstd: return "zstd";
    case Codec::kLz4: return "lz4";
  }
  return "";
}

Inflated unpack(Codec codec, BytesView bytes, std::size_t bytes_max, std::optional<std::uint64_t> size) {
  switch (codec) {
    case Codec::kNone: break;
    case Codec::kDeflate: return inflate(bytes, Wrapper::kNone, bytes_max);
    case Codec::kZlib: return inflate(bytes, Wrapper::kZlib, bytes_max);
    case Codec::kGzip: return inflate(bytes, Wrapper::kGzip, bytes_max);
    case Codec::kBzip2: return unpack_bzip2(bytes, bytes_max);
    case Codec::kXz: return unpack_xz(bytes, bytes_max);
    case Codec::kLzma: return unpack_lzma_alone(bytes, bytes_max);
    case Codec::kLzmaZip: return unpack_lzma_zip(bytes, bytes_max, size);
    case Codec::kZstd: return unpack_zstd(bytes, bytes_max);
    case Codec::kLz4: return unpack_lz4(bytes, bytes_max);
  }
  const std::size_t taken = std::min(bytes.size(), bytes_max);
  return {.bytes = Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken)),
          .consumed = taken,
          .over_budget = taken < bytes.size()};
}

Inflated unpack_to(Codec codec, BytesView bytes, std::size_t bytes_max, Sink& sink) {
  switch (codec) {
    case Codec::kNone:
    case Codec::kLzmaZip: break;
    case Codec::kDeflate: return inflate_to(bytes, Wrapper::kNone, bytes_max, &sink);
    case Codec::kZlib: return inflate_to(bytes, Wrapper::kZlib, bytes_max, &sink);
    case Codec::kGzip: return inflate_to(bytes, Wrapper::kGzip, bytes_max, &sink);
    case Codec::kBzip2: return bzip2_to(bytes, bytes_max, &sink);
    case Codec::kXz: return xz_to(bytes, bytes_max, &sink);
    case Codec::kLzma: return lzma_alone_to(bytes, bytes_max, &sink);
    case Codec::kZstd: return zstd_to(bytes, bytes_max, &sink);
    case Codec::kLz4: return lz4_to(bytes, bytes_max, &sink);
  }
  return {.error = Error{ErrorKind::kUnsupported, std::string(name_of(codec)) + ": not handed on in chunks"}};
}

std::optional<Codec> codec_of(BytesView bytes) {
  if (is_gzip(bytes)) return Codec::kGzip;
  if (is_bzip2(bytes)) return Codec::kBzip2;
  if (is_xz(bytes)) return Codec::kXz;
  if (is_zstd(bytes)) return Codec::kZstd;
  if (is_lz4(bytes)) return Codec::kLz4;
  if (is_zlib(bytes)) return Codec::kZlib;
  if (is_lzma_alone(bytes)) return Codec::kLzma;
  return std::nullopt;
}

}  // namespace sallyport::formats
