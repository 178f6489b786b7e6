#include "core/bytes.h"

#include <algorithm>
#include <array>

namespace sallyport {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_inverse(std::string_view digits) {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < digits.size(); ++i) {
    table[static_cast<unsigned char>(digits[i])] = static_cast<std::int8_t>(i);
  }
  return table;
}
constexpr auto kHexValue = make_inverse(kHexDigits);
constexpr auto kBase64Value = make_inverse(kBase64Digits);

// The byte of that place, from the lowest; wider fields than the value end in zeros.
std::uint8_t byte_of(std::uint64_t value, int place) {
  constexpr int kBytes = sizeof value;
  return place < kBytes ? static_cast<std::uint8_t>(value >> (8 * place)) : std::uint8_t{0};
}

}  // namespace

std::string to_hex(BytesView bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const std::uint8_t byte : bytes) {
    out.push_back(kHexDigits[byte >> 4]);
    out.push_back(kHexDigits[byte & 15]);
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return invalid("hex: odd number of digits");
  Bytes out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int high = kHexValue[static_cast<unsigned char>(text[i])];
    const int low = kHexValue[static_cast<unsigned char>(text[i + 1])];
    if (high < 0 || low < 0) return invalid("hex: not a lower-case digit at position " + std::to_string(i));
    out.push_back(static_cast<std::uint8_t>(high * 16 + low));
  }
  return out;
}

std::string to_base64(BytesView bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t have = std::min<std::size_t>(3, bytes.size() - i);
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | (k < have ? bytes[i + k] : 0U);
    for (std::size_t k = 0; k < 4; ++k) {
      out.push_back(k <= have ? kBase64Digits[group >> (18 - 6 * k) & 63] : '=');
    }
  }
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return invalid("base64: length is not a multiple of four");
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  for (std::size_t i = 0; i < text.size(); i += 4) {
    const bool last = i + 4 == text.size();
    int padding = 0;
    if (last && text[i + 3] == '=') padding = text[i + 2] == '=' ? 2 : 1;
    std::uint32_t group = 0;
    for (int k = 0; k < 4 - padding; ++k) {
      const int value = kBase64Value[static_cast<unsigned char>(text[i + static_cast<std::size_t>(k)])];
      if (value < 0) return invalid("base64: bad character at position " + std::to_string(i));
      group = group << 6 | static_cast<std::uint32_t>(value);
    }
    group <<= 6 * padding;
    const std::uint32_t unused = padding == 0 ? 0 : (padding == 1 ? group & 0xFF : group & 0xFFFF);
    if (unused != 0) return invalid("base64: non-zero bits after the last byte");
    for (int k = 0; k < 3 - padding; ++k) out.push_back(static_cast<std::uint8_t>(group >> (16 - 8 * k)));
  }
  return out;
}

std::string shown(std::string_view text) {
  constexpr std::size_t kShownMax = 48;
  std::string out = "'";
  for (const char c : text.substr(0, kShownMax)) out += c >= ' ' && c <= '~' ? c : '?';
  return out + (text.size() > kShownMax ? "...'" : "'");
}

void append_le(Bytes& out, std::uint64_t value, int width_bytes) {
  for (int i = 0; i < width_bytes; ++i) out.push_back(byte_of(value, i));
}

void append_be(Bytes& out, std::uint64_t value, int width_bytes) {
  for (int i = width_bytes - 1; i >= 0; --i) out.push_back(byte_of(value, i));
}

Result<BytesView> Reader::take(std::uint64_t count) {
  if (count > remaining()) {
    return invalid("truncated: " + std::to_string(count) + " bytes wanted at byte " +
                   std::to_string(offset_) + ", " + std::to_string(remaining()) + " left");
  }
  const BytesView out = bytes_.subspan(offset_, static_cast<std::size_t>(count));
  offset_ += static_cast<std::size_t>(count);
  return out;
}

Result<std::uint64_t> Reader::integer(int width_bytes, bool big_endian) {
  const BytesView view = TRY(take(static_cast<std::uint64_t>(width_bytes)));
  std::uint64_t value = 0;
  for (int i = 0; i < width_bytes; ++i) {
    const int at = big_endian ? i : width_bytes - 1 - i;
    value = value << 8 | view[static_cast<std::size_t>(at)];
  }
  return value;
}

Result<std::uint8_t> Reader::u8() { return static_cast<std::uint8_t>(TRY(integer(1, false))); }
Result<std::uint16_t> Reader::u16_le() { return static_cast<std::uint16_t>(TRY(integer(2, false))); }
Result<std::uint32_t> Reader::u32_le() { return static_cast<std::uint32_t>(TRY(integer(4, false))); }
Result<std::uint64_t> Reader::u64_le() { return integer(8, false); }
Result<std::uint32_t> Reader::u32_be() { return static_cast<std::uint32_t>(TRY(integer(4, true))); }
Result<std::uint64_t> Reader::u64_be() { return integer(8, true); }

Result<std::string_view> Reader::until(char delimiter) {
  const std::string_view rest = as_text(bytes_.subspan(offset_));
  const std::size_t at = rest.find(delimiter);
  if (at == std::string_view::npos) {
    return invalid("truncated: unterminated text at byte " + std::to_string(offset_));
  }
  offset_ += at + 1;
  return rest.substr(0, at);
}

}  // namespace sallyport
