#include "formats/media.h"

#include <algorithm>

#include "core/limits/weights.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kPng = "\x89PNG\r\n\x1A\n";

bool starts(BytesView bytes, std::string_view magic, std::size_t at = 0) {
  return bytes.size() >= at + magic.size() && as_text(bytes).substr(at, magic.size()) == magic;
}

std::uint32_t big(BytesView bytes, std::size_t at) {
  return std::uint32_t{bytes[at]} << 24 | bytes[at + 1] << 16 | bytes[at + 2] << 8 | bytes[at + 3];
}
std::uint32_t little(BytesView bytes, std::size_t at) {
  return std::uint32_t{bytes[at + 3]} << 24 | bytes[at + 2] << 16 | bytes[at + 1] << 8 | bytes[at];
}

// Hops from one part to the next. `next` answers where the part at a place ends, 0 when it is none; `last`
// whether it closes the file.
template <class Next, class Last>
std::size_t hop(BytesView bytes, std::size_t at, Next next, Last last) {
  for (std::size_t parts = 0; parts < limits::kPictureSegmentsMax && at < bytes.size(); ++parts) {
    const std::uint64_t end = next(at);
    if (end <= at || end > bytes.size()) return 0;
    const bool closing = last(at);
    at = static_cast<std::size_t>(end);
    if (closing) return at;
  }
  return 0;
}

std::size_t png_end(BytesView bytes) {
  constexpr std::size_t kChunk = 12;
  const auto next = [&](std::size_t at) {
    return at + kChunk > bytes.size() ? 0 : std::uint64_t{at} + kChunk + big(bytes, at);
  };
  return hop(bytes, kPng.size(), next, [&](std::size_t at) { return starts(bytes, "IEND", at + 4); });
}

// Behind a scan's header stand its bytes, up to a marker that is no restart and no stuffed FF.
std::size_t after_scan(BytesView bytes, std::size_t at) {
  while (at + 1 < bytes.size()) {
    const auto found = std::find(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.end() - 1, 0xFF);
    at = static_cast<std::size_t>(found - bytes.begin());
    if (at + 1 >= bytes.size()) return 0;
    const std::uint8_t marker = bytes[at + 1];
    if (marker != 0 && marker != 0xFF && (marker < 0xD0 || marker > 0xD7)) return at;
    at += marker == 0xFF ? 1 : 2;
  }
  return 0;
}

std::size_t jpeg_end(BytesView bytes) {
  constexpr std::uint8_t kScan = 0xDA;
  constexpr std::uint8_t kEnd = 0xD9;
  const auto next = [&](std::size_t at) -> std::uint64_t {
    if (at + 2 > bytes.size() || bytes[at] != 0xFF) return 0;
    if (bytes[at + 1] == kEnd) return at + 2;
    if (at + 4 > bytes.size()) return 0;
    const std::size_t end = at + 2 + (std::size_t{bytes[at + 2]} << 8 | bytes[at + 3]);
    return bytes[at + 1] == kScan ? after_scan(bytes, end) : end;
  };
  return hop(bytes, 2, next, [&](std::size_t at) { return bytes[at + 1] == kEnd; });
}

// A row of blocks, each led by its length, closed by an empty one.
std::size_t gif_blocks_end(BytesView bytes, std::size_t at) {
  while (at < bytes.size() && bytes[at] != 0) at += std::size_t{1} + bytes[at];
  return at < bytes.size() ? at + 1 : 0;
}
std::size_t colours(std::uint8_t flags) { return (flags & 0x80) != 0 ? std::size_t{6} << (flags & 7) : 0; }

std::size_t gif_end(BytesView bytes) {
  constexpr std::size_t kScreen = 13;
  constexpr std::size_t kImage = 10;
  if (bytes.size() < kScreen) return 0;
  const auto next = [&](std::size_t at) -> std::uint64_t {
    if (bytes[at] == ';') return at + 1;
    if (bytes[at] == '!') return gif_blocks_end(bytes, at + 2);
    if (bytes[at] != ',' || at + kImage > bytes.size()) return 0;
    return gif_blocks_end(bytes, at + kImage + colours(bytes[at + kImage - 1]) + 1);
  };
  return hop(bytes, kScreen + colours(bytes[10]), next, [&](std::size_t at) { return bytes[at] == ';'; });
}

// Boxes to the end of the file, each with its length and four letters.
std::size_t iso_end(BytesView bytes) {
  const auto is_letter = [](std::uint8_t byte) { return byte >= 0x20 && byte < 0x7F; };
  std::size_t at = 0;
  while (at + 8 <= bytes.size() &&
         std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(at) + 4,
                     bytes.begin() + static_cast<std::ptrdiff_t>(at) + 8, is_letter)) {
    std::uint64_t size = big(bytes, at);
    if (size == 0) return bytes.size();
    if (size == 1 && at + 16 <= bytes.size()) {
      size = std::uint64_t{big(bytes, at + 8)} << 32 | big(bytes, at + 12);
    }
    if (size < 8 || size > bytes.size() - at) break;
    at += static_cast<std::size_t>(size);
  }
  return at;
}

std::size_t ogg_end(BytesView bytes) {
  constexpr std::size_t kPage = 27;
  std::size_t at = 0;
  while (starts(bytes, "OggS", at) && at + kPage <= bytes.size()) {
    const std::size_t segments = bytes[at + kPage - 1];
    if (at + kPage + segments > bytes.size()) break;
    std::size_t size = kPage + segments;
    for (std::size_t i = 0; i < segments; ++i) size += bytes[at + kPage + i];
    if (size > bytes.size() - at) break;
    at += size;
  }
  return at;
}

std::size_t opentype_end(BytesView bytes) {
  constexpr std::size_t kHeader = 12;
  constexpr std::size_t kEntry = 16;
  if (bytes.size() < kHeader) return 0;
  const std::size_t tables = std::size_t{bytes[4]} << 8 | bytes[5];
  std::uint64_t end = kHeader + kEntry * tables;
  if (tables == 0 || end > bytes.size()) return 0;
  for (std::size_t i = 0; i < tables; ++i) {
    const std::size_t entry = kHeader + kEntry * i;
    end = std::max(end, std::uint64_t{big(bytes, entry + 8)} + big(bytes, entry + 12));
  }
  end = (end + 3) / 4 * 4;
  return end > bytes.size() + 3 ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(end, bytes.size()));
}

std::size_t pdf_end(BytesView bytes) {
  constexpr std::string_view kEnd = "%%EOF";
  const std::size_t at = as_text(bytes).rfind(kEnd);
  return at == std::string_view::npos ? 0 : at + kEnd.size();
}

// A length in the header, and what it leaves out.
std::size_t announced(BytesView bytes, std::uint64_t size) {
  return size > bytes.size() ? 0 : static_cast<std::size_t>(size);
}

}  // namespace

std::size_t media_end(BytesView bytes) {
  constexpr std::size_t kEnough = 16;
  if (bytes.size() < kEnough) return 0;
  if (starts(bytes, kPng)) return png_end(bytes);
  if (starts(bytes, "\xFF\xD8\xFF")) return jpeg_end(bytes);
  if (starts(bytes, "GIF8")) return gif_end(bytes);
  if (starts(bytes, "RIFF")) return announced(bytes, std::uint64_t{8} + little(bytes, 4));
  if (starts(bytes, "ftyp", 4)) return iso_end(bytes);
  if (starts(bytes, "OggS")) return ogg_end(bytes);
  if (starts(bytes, "wOFF") || starts(bytes, "wOF2")) return announced(bytes, big(bytes, 8));
  if (starts(bytes, "OTTO") || starts(bytes, std::string_view("\0\1\0\0\0", 5))) return opentype_end(bytes);
  if (starts(bytes, "%PDF-")) return pdf_end(bytes);
  return 0;
}

}  // namespace sallyport::formats
