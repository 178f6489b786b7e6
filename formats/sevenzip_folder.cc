#include <lzma.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "formats/codec_pump.h"
#include "formats/codec_streams.h"
#include "formats/lzma_stream.h"
#include "formats/sevenzip.h"
#include "formats/sevenzip_coders.h"

namespace sallyport::formats::sevenzip {
namespace {

Inflated failed(std::string message) {
  Inflated out;
  out.error = Error{ErrorKind::kInvalid, std::move(message)};
  return out;
}

// A chain of one or two of liblzma's filters, with properties as 7z keeps them.
class Filters {
 public:
  Filters() { filters_.fill({LZMA_VLI_UNKNOWN, nullptr}); }
  ~Filters() {
    for (const lzma_filter& filter : filters_) std::free(filter.options);
  }
  Filters(const Filters&) = delete;
  Filters& operator=(const Filters&) = delete;

  bool add(lzma_vli id, BytesView properties) {
    lzma_filter& filter = filters_[count_];
    filter.id = id;
    if (lzma_properties_decode(&filter, nullptr, properties.data(), properties.size()) != LZMA_OK)
      return false;
    ++count_;
    return true;
  }
  const lzma_filter* data() const { return filters_.data(); }

 private:
  std::array<lzma_filter, 3> filters_;
  std::size_t count_ = 0;
};

Inflated unpack_lzma2(BytesView properties, BytesView bytes, std::size_t bytes_max) {
  Filters filters;
  if (!filters.add(LZMA_FILTER_LZMA2, properties)) return failed("lzma2: bad properties");
  Inflated out;
  LzmaStream stream = LzmaStream::raw(filters.data());
  pump(stream, bytes, bytes_max, "lzma2", out);
  return out;
}

// liblzma applies a filter only in front of LZMA2: the bytes are put in chunks that LZMA2 takes as they are.
Bytes as_chunks(BytesView bytes) {
  constexpr std::size_t kChunkBytes = 65'536;
  constexpr std::uint8_t kFirst = 1;
  constexpr std::uint8_t kNext = 2;
  Bytes out;
  out.reserve(bytes.size() + bytes.size() / kChunkBytes * 3 + 4);
  for (std::size_t at = 0; at < bytes.size(); at += kChunkBytes) {
    const std::size_t size = std::min(kChunkBytes, bytes.size() - at);
    out.push_back(at == 0 ? kFirst : kNext);
    append_be(out, size - 1, 2);
    const BytesView chunk = bytes.subspan(at, size);
    out.insert(out.end(), chunk.begin(), chunk.end());
  }
  out.push_back(0);
  return out;
}

Inflated filtered(lzma_vli id, BytesView properties, BytesView bytes) {
  constexpr std::uint8_t kSmallestWindow[] = {8};
  Filters filters;
  if (!filters.add(id, properties) || !filters.add(LZMA_FILTER_LZMA2, kSmallestWindow)) {
    return failed("7z: bad properties of a filter");
  }
  const Bytes chunks = as_chunks(bytes);
  Inflated out;
  LzmaStream stream = LzmaStream::raw(filters.data());
  pump(stream, chunks, bytes.size(), "7z: filter", out);
  return out;
}

Inflated apply(const Coder& coder, BytesView bytes, std::size_t bytes_max) {
  switch (kind_of(coder.id)) {
    case Kind::kCopy: return unpack(Codec::kNone, bytes, bytes_max);
    case Kind::kLzma:
      if (coder.properties.size() != kLzmaPropertiesBytes) return failed("lzma: bad properties");
      return unpack_lzma_bare(coder.properties, bytes, bytes_max, coder.size);
    case Kind::kLzma2: return unpack_lzma2(coder.properties, bytes, bytes_max);
    case Kind::kDeflate: return unpack(Codec::kDeflate, bytes, bytes_max);
    case Kind::kBzip2: return unpack_bzip2(bytes, bytes_max);
    case Kind::kZstd: return unpack_zstd(bytes, bytes_max);
    case Kind::kLz4: return unpack_lz4(bytes, bytes_max);
    case Kind::kFilter: return filtered(filter_of(coder.id), coder.properties, bytes);
    case Kind::kShut: break;
  }
  return failed("7z: a coder that is not opened");
}

}  // namespace

Inflated unpack(BytesView file, const Folder& folder, std::size_t bytes_max) {
  BytesView input =
      file.subspan(static_cast<std::size_t>(folder.offset), static_cast<std::size_t>(folder.length));
  Inflated out;
  for (const Coder& coder : folder.chain) {
    Inflated next = apply(coder, input, bytes_max);
    out.bytes = std::move(next.bytes);
    out.over_budget = out.over_budget || next.over_budget;
    if (!out.error) out.error = std::move(next.error);
    if (out.bytes.size() > coder.size) out.bytes.resize(static_cast<std::size_t>(coder.size));
    input = out.bytes;
  }
  out.consumed = static_cast<std::size_t>(folder.length);
  if (!out.error && out.bytes.size() < folder.size()) {
    out.error = Error{ErrorKind::kInvalid, "7z: a folder unpacks to " + std::to_string(out.bytes.size()) +
                                               " bytes, announced are " + std::to_string(folder.size())};
  }
  return out;
}

}  // namespace sallyport::formats::sevenzip
