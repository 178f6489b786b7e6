#include "formats/codec.h"

#include <algorithm>

namespace sallyport::formats {

std::string_view name_of(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "stored";
    case Codec::kDeflate:
      return "deflate";
    case Codec::kZlib:
      return "zlib";
    case Codec::kGzip:
      return "gzip";
  }
  return "";
}

Inflated unpack(Codec codec, BytesView bytes, std::size_t bytes_max) {
  switch (codec) {
    case Codec::kNone:
      break;
    case Codec::kDeflate:
      return inflate(bytes, Wrapper::kNone, bytes_max);
    case Codec::kZlib:
      return inflate(bytes, Wrapper::kZlib, bytes_max);
    case Codec::kGzip:
      return inflate(bytes, Wrapper::kGzip, bytes_max);
  }
  const std::size_t size = std::min(bytes.size(), bytes_max);
  return {.bytes = Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size)),
          .consumed = size,
          .over_budget = size < bytes.size()};
}

std::optional<Codec> codec_of(BytesView bytes) {
  if (is_gzip(bytes)) return Codec::kGzip;
  if (is_zlib(bytes)) return Codec::kZlib;
  return std::nullopt;
}

}  // namespace sallyport::formats
