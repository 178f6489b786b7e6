#include "formats/pickle_text.h"

#include <cstdint>
#include <string_view>
#include <utility>

#include "formats/utf8.h"

namespace sallyport::formats::pickle {
namespace {

// Hexadecimal digits at the front of `text`: the value and how many there were, at most `width`.
std::pair<std::uint32_t, std::size_t> hex_prefix(std::string_view text, std::size_t width) {
  std::uint32_t value = 0;
  std::size_t count = 0;
  while (count < width && count < text.size()) {
    const char c = text[count];
    const int digit = c >= '0' && c <= '9'   ? c - '0'
                      : c >= 'a' && c <= 'f' ? c - 'a' + 10
                      : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                             : -1;
    if (digit < 0) break;
    value = value * 16 + static_cast<std::uint32_t>(digit);
    ++count;
  }
  return {value, count};
}

// The escapes of a Python bytes literal, as codecs.escape_decode reads them. Bytes beyond ASCII become the
// characters of Latin-1, as the loaders of scientific pickles have it.
std::optional<std::string> decode_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      append_utf8(out, static_cast<unsigned char>(text[i]));
      continue;
    }
    if (++i == text.size()) return std::nullopt;
    constexpr std::string_view kFrom = "\\'\"abfnrtv";
    constexpr std::string_view kTo = "\\'\"\a\b\f\n\r\t\v";
    const std::size_t simple = kFrom.find(text[i]);
    if (simple != std::string_view::npos) {
      out.push_back(kTo[simple]);
    } else if (text[i] == 'x') {
      const auto [value, count] = hex_prefix(text.substr(i + 1), 2);
      if (count < 2) return std::nullopt;
      append_utf8(out, value);
      i += 2;
    } else if (text[i] >= '0' && text[i] <= '7') {
      std::uint32_t value = 0;
      std::size_t count = 0;
      while (count < 3 && i + count < text.size() && text[i + count] >= '0' && text[i + count] <= '7') {
        value = value * 8 + static_cast<std::uint32_t>(text[i + count++] - '0');
      }
      append_utf8(out, value & 0xFF);
      i += count - 1;
    } else {
      out.push_back('\\');
      append_utf8(out, static_cast<unsigned char>(text[i]));
    }
  }
  return out;
}

// UNICODE's raw-unicode-escape: only \uXXXX and \UXXXXXXXX after an odd number of backslashes mean anything.
std::optional<std::string> decode_raw_unicode(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      const char kind = text[i + 1];
      if (kind == 'u' || kind == 'U') {
        const std::size_t width = kind == 'u' ? 4 : 8;
        const auto [value, count] = hex_prefix(text.substr(i + 2), width);
        if (count < width || value > 0x10FFFF) return std::nullopt;
        append_utf8(out, value);
        i += 1 + width;
        continue;
      }
      out.push_back('\\');
      append_utf8(out, static_cast<unsigned char>(text[++i]));
      continue;
    }
    append_utf8(out, static_cast<unsigned char>(text[i]));
  }
  return out;
}

}  // namespace

std::optional<std::string> decode_text(const Op& op) {
  const std::string_view data = op.data;
  switch (op.code) {
    case 'S':
      if (data.size() < 2 || data.front() != data.back() || (data.front() != '\'' && data.front() != '"')) {
        return std::nullopt;
      }
      return decode_escapes(data.substr(1, data.size() - 2));
    case 'V':
      return decode_raw_unicode(data);
    case 'T':
    case 'U': {
      std::string out;
      for (const char c : data) append_utf8(out, static_cast<unsigned char>(c));
      return out;
    }
    default:
      return std::string(data);
  }
}

bool text_is_sound(const Op& op) {
  switch (op.code) {
    case 'S':
    case 'V': {
      const bool quoted = op.code == 'S';
      if (quoted && (op.data.size() < 2 || op.data.front() != op.data.back())) return false;
      const bool plain = op.data.find('\\') == std::string_view::npos;
      return plain && !quoted ? true : decode_text(op).has_value();
    }
    case 'T':
    case 'U':
      return true;
    default:
      break;
  }
  // Python's "surrogatepass": the three-byte form of a lone surrogate is let through, everything else is
  // UTF-8.
  std::string_view rest = op.data;
  while (true) {
    const std::size_t bad = utf8_error_offset(rest);
    if (bad == std::string_view::npos) return true;
    const auto byte = [&](std::size_t i) {
      return bad + i < rest.size() ? static_cast<unsigned char>(rest[bad + i]) : 0U;
    };
    const bool surrogate =
        byte(0) == 0xED && byte(1) >= 0xA0 && byte(1) <= 0xBF && (byte(2) & 0xC0U) == 0x80U;
    if (!surrogate) return false;
    rest.remove_prefix(bad + 3);
  }
}

}  // namespace sallyport::formats::pickle
