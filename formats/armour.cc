#include "formats/armour.h"

#include <algorithm>
#include <array>

namespace sallyport::formats {
namespace {

constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> kDigits = [] {
  std::array<std::uint8_t, 256> out{};
  out.fill(kNoDigit);
  constexpr std::string_view kLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t i = 0; i < kLetters.size(); ++i) {
    out[static_cast<std::uint8_t>(kLetters[i])] = static_cast<std::uint8_t>(i);
  }
  out['-'] = 62;
  out['_'] = 63;
  return out;
}();

bool is_armour_digit(char c) { return kDigits[static_cast<std::uint8_t>(c)] != kNoDigit; }

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char low = static_cast<char>(c | 0x20);
  return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

bool is_hex(std::string_view digits) {
  for (const char c : digits) {
    if (hex_digit(c) < 0) return false;
  }
  return digits.size() % 2 == 0;
}

Bytes from_hex_digits(std::string_view digits) {
  Bytes out;
  out.reserve(digits.size() / 2);
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    out.push_back(static_cast<std::uint8_t>(hex_digit(digits[i]) << 4 | hex_digit(digits[i + 1])));
  }
  return out;
}

Bytes from_base64_digits(std::string_view digits) {
  Bytes out;
  out.reserve(digits.size() / 4 * 3 + 3);
  std::uint32_t held = 0;
  int bits = 0;
  for (const char c : digits) {
    held = held << 6 | kDigits[static_cast<std::uint8_t>(c)];
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out.push_back(static_cast<std::uint8_t>(held >> bits));
  }
  return out;
}

// What breaks a run in sources, notebooks and letters: line ends, quotes, commas, and "\n" as two letters.
std::size_t separators_end(std::string_view text, std::size_t at) {
  constexpr std::string_view kSeparators = " \t\r\n\"',\\()";
  while (at < text.size()) {
    if (text[at] == '\\' && at + 1 < text.size() && (text[at + 1] == 'n' || text[at + 1] == 'r')) {
      at += 2;
    } else if (kSeparators.find(text[at]) != std::string_view::npos) {
      ++at;
    } else {
      break;
    }
  }
  return at;
}

// A word of prose is no line of armour: a run goes on behind a separator only where its lines are long.
constexpr std::size_t kLineMin = 40;

// Where the next `length` digits in a row begin, or the text's end. Backwards from where they would have to
// reach: most of a text is passed over by looking at the end of a word.
std::size_t next_stretch(std::string_view text, std::size_t at, std::size_t length) {
  while (length <= text.size() - at) {
    std::size_t back = at + length;
    while (back > at && is_armour_digit(text[back - 1])) --back;
    if (back == at) return at;
    at = back;
  }
  return text.size();
}

struct Run {
  std::size_t end = 0;
  std::string digits = {};
};

Run run_at(std::string_view text, std::size_t at) {
  Run out;
  while (true) {
    const std::size_t begin = at;
    while (at < text.size() && is_armour_digit(text[at])) ++at;
    const std::size_t length = at - begin;
    out.digits.append(text.substr(begin, length));
    out.end = at;
    while (at < text.size() && text[at] == '=') out.end = ++at;
    if (length < kLineMin) return out;
    at = separators_end(text, at);
    if (at == out.end || at >= text.size() || !is_armour_digit(text[at])) return out;
  }
}

}  // namespace

std::vector<Armoured> find_armoured(std::string_view text, std::size_t bytes_min) {
  std::vector<Armoured> out;
  // A run that is long enough begins with a long line, or is one line.
  const std::size_t first_line = std::max<std::size_t>(1, std::min(kLineMin, bytes_min));
  for (std::size_t at = 0; (at = next_stretch(text, at, first_line)) < text.size();) {
    Run run = run_at(text, at);
    const bool hex = is_hex(run.digits);
    const std::size_t bytes = hex ? run.digits.size() / 2 : run.digits.size() / 4 * 3;
    if (bytes >= bytes_min) {
      out.push_back({.offset = at,
                     .length = run.end - at,
                     .kind = hex ? "hexadecimal" : "base64",
                     .bytes = hex ? from_hex_digits(run.digits) : from_base64_digits(run.digits)});
    }
    at = run.end;
  }
  return out;
}

}  // namespace sallyport::formats
