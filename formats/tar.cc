#include "formats/tar.h"

#include <algorithm>

#include "core/limits.h"

namespace sallyport::formats::tar {
namespace {

constexpr std::size_t kBlockBytes = 512;

std::string text_field(BytesView block, std::size_t at, std::size_t width) {
  const std::string_view field = as_text(block.subspan(at, width));
  return std::string(field.substr(0, field.find('\0')));
}

std::optional<std::uint64_t> number_field(BytesView block, std::size_t at, std::size_t width) {
  std::uint64_t value = 0;
  if ((block[at] & 0x80) != 0) {
    // GNU's base 256, big-endian; the sign bit and anything beyond 64 bits is no length.
    for (std::size_t i = 1; i < width; ++i) {
      if (value >> 56 != 0) return std::nullopt;
      value = value << 8 | block[at + i];
    }
    return (block[at] & 0x7F) == 0 ? std::optional(value) : std::nullopt;
  }
  bool any = false;
  for (std::size_t i = 0; i < width; ++i) {
    const char c = static_cast<char>(block[at + i]);
    if (c >= '0' && c <= '7') {
      if (value >> 61 != 0) return std::nullopt;
      value = value * 8 + static_cast<std::uint64_t>(c - '0');
      any = true;
    } else if (any || c != ' ') {
      break;
    }
  }
  return any ? std::optional(value) : std::nullopt;
}

bool checksum_holds(BytesView block) {
  constexpr std::size_t kChecksumAt = 148;
  constexpr std::size_t kChecksumBytes = 8;
  std::uint64_t as_unsigned = 0;
  std::int64_t as_signed = 0;
  for (std::size_t i = 0; i < kBlockBytes; ++i) {
    const bool inside = i >= kChecksumAt && i < kChecksumAt + kChecksumBytes;
    const std::uint8_t byte = inside ? ' ' : block[i];
    as_unsigned += byte;
    as_signed += static_cast<std::int8_t>(byte);
  }
  const std::optional<std::uint64_t> said = number_field(block, kChecksumAt, kChecksumBytes);
  return said && (*said == as_unsigned || static_cast<std::int64_t>(*said) == as_signed);
}

bool is_zero(BytesView block) {
  return std::all_of(block.begin(), block.end(), [](std::uint8_t byte) { return byte == 0; });
}

}  // namespace

bool is_tar(BytesView bytes) {
  if (bytes.size() < kBlockBytes) return false;
  const BytesView block = bytes.first(kBlockBytes);
  return block[0] != 0 && checksum_holds(block);
}

Archive parse(BytesView bytes) {
  Archive out;
  std::string long_name;
  while (bytes.size() - out.end >= kBlockBytes) {
    const BytesView block = bytes.subspan(out.end, kBlockBytes);
    const std::string at = " at byte " + std::to_string(out.end);
    if (is_zero(block)) {
      out.end += kBlockBytes;
      continue;
    }
    const std::optional<std::uint64_t> size = number_field(block, 124, 12);
    if (!checksum_holds(block) || !size) {
      out.error = Error{ErrorKind::kInvalid, "tar: no header" + at};
      return out;
    }
    if (out.members.size() == limits::kArchiveMembersMax) {
      out.error = Error{ErrorKind::kLimit, "tar: too many members"};
      return out;
    }
    const char type = static_cast<char>(block[156]);
    const bool link = type == '1' || type == '2';
    const std::size_t data = out.end + kBlockBytes;
    const std::uint64_t room = bytes.size() - data;
    const std::uint64_t length = link ? 0 : std::min(*size, room);
    const BytesView content = bytes.subspan(data, static_cast<std::size_t>(length));
    if (type == 'L') {
      long_name = std::string(as_text(content).substr(0, as_text(content).find('\0')));
    } else {
      const std::string prefix = as_text(block.subspan(257, 6)) == std::string_view("ustar\0", 6)
                                     ? text_field(block, 345, 155)
                                     : std::string();
      std::string name = text_field(block, 0, 100);
      if (!prefix.empty()) name = prefix + "/" + name;
      if (!long_name.empty()) name = std::exchange(long_name, {});
      out.members.push_back({.name = std::move(name),
                             .link = link ? text_field(block, 157, 100) : std::string(),
                             .offset = data,
                             .data = content});
    }
    if (!link && *size > room) {
      out.end = bytes.size();
      out.error = Error{ErrorKind::kInvalid, "tar: member past end" + at};
      return out;
    }
    const std::uint64_t padded = (length + kBlockBytes - 1) / kBlockBytes * kBlockBytes;
    out.end = data + static_cast<std::size_t>(std::min(padded, room));
  }
  return out;
}

}  // namespace sallyport::formats::tar
