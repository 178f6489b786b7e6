#include "drills/forges/bombs.h"

#include <zlib.h>

#include "core/result.h"

namespace sallyport::drills::forges {
namespace {

constexpr std::size_t kMebibyte = 1024 * 1024;
constexpr int kBare = -15;
constexpr int kGzip = 15 + 16;

Bytes deflated(BytesView bytes, int window_bits, int flush) {
  z_stream z{};
  SP_CHECK(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  Bytes out(deflateBound(&z, static_cast<uLong>(bytes.size())) + 64);
  z.next_in = const_cast<std::uint8_t*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, flush);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

// A block that starts afresh may be repeated: the stream is as long as one likes.
void append_zeros(Bytes& out, std::size_t mebibytes) {
  const Bytes block = deflated(Bytes(kMebibyte), kBare, Z_FULL_FLUSH);
  for (std::size_t i = 0; i < mebibytes; ++i) out.insert(out.end(), block.begin(), block.end());
  const Bytes end = deflated({}, kBare, Z_FINISH);
  out.insert(out.end(), end.begin(), end.end());
}

void append_text(Bytes& out, std::string_view text) { out.insert(out.end(), text.begin(), text.end()); }

void append_fields(Bytes& out, const ZipPart& part) {
  append_le(out, 20, 2);
  append_le(out, 0, 2);
  append_le(out, 8, 2);
  append_le(out, 0, 8);  // time, date and checksum
  append_le(out, part.packed.size(), 4);
  append_le(out, part.size, 4);
  append_le(out, part.name.size(), 2);
  append_le(out, 0, 2);
}

void append_local(Bytes& out, const ZipPart& part) {
  append_le(out, 0x04034B50, 4);
  append_fields(out, part);
  append_text(out, part.name);
  out.insert(out.end(), part.packed.begin(), part.packed.end());
}

void append_central(Bytes& out, const ZipPart& part, std::size_t offset) {
  append_le(out, 0x02014B50, 4);
  append_le(out, 20, 2);
  append_fields(out, part);
  append_le(out, 0, 8);
  append_le(out, 0, 2);
  append_le(out, offset, 4);
  append_text(out, part.name);
}

void append_end(Bytes& out, std::size_t count, const Bytes& directory) {
  const std::size_t at = out.size();
  out.insert(out.end(), directory.begin(), directory.end());
  append_le(out, 0x06054B50, 4);
  append_le(out, 0, 4);
  append_le(out, count, 2);
  append_le(out, count, 2);
  append_le(out, directory.size(), 4);
  append_le(out, at, 4);
  append_le(out, 0, 2);
}

}  // namespace

Bytes gzip(BytesView bytes) { return deflated(bytes, kGzip, Z_FINISH); }

Bytes gzip_of_zeros(std::size_t mebibytes) {
  Bytes out = {0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3};
  append_zeros(out, mebibytes);
  const Bytes zeros(kMebibyte);
  uLong crc = crc32(0, nullptr, 0);
  for (std::size_t i = 0; i < mebibytes; ++i) crc = crc32(crc, zeros.data(), kMebibyte);
  append_le(out, crc, 4);
  append_le(out, mebibytes * kMebibyte, 4);
  return out;
}

ZipPart zeros_part(std::string name, std::size_t mebibytes) {
  ZipPart part{.name = std::move(name), .size = mebibytes * kMebibyte};
  append_zeros(part.packed, mebibytes);
  return part;
}

Bytes zip(const std::vector<ZipPart>& parts) {
  Bytes out;
  Bytes directory;
  for (const ZipPart& part : parts) {
    append_central(directory, part, out.size());
    append_local(out, part);
  }
  append_end(out, parts.size(), directory);
  return out;
}

Bytes overlapping_zip(std::size_t count) {
  const ZipPart part = zeros_part("zeros", 8);
  Bytes out;
  Bytes directory;
  append_local(out, part);
  for (std::size_t i = 0; i < count; ++i) append_central(directory, part, 0);
  append_end(out, count, directory);
  return out;
}

Bytes npy_of_shape(const std::string& shape) {
  const std::string header = "{'descr': '<f8', 'fortran_order': False, 'shape': " + shape + ", }\n";
  Bytes out = to_bytes("\x93NUMPY\x01");
  append_le(out, 0, 1);
  append_le(out, header.size(), 2);
  append_text(out, header);
  return out;
}

}  // namespace sallyport::drills::forges
