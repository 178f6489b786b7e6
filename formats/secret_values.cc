#include "formats/secret_values.h"

#include <algorithm>

#include "core/bytes.h"
#include "core/digest.h"
#include "formats/secret_checks.h"

namespace sallyport::formats {
namespace {

bool is_any(char c, std::string_view set) { return set.find(c) != std::string_view::npos; }

std::string_view in_quotes(std::string_view match) {
  const char quote = match.back();
  const std::string_view rest = match.substr(0, match.size() - 1);
  const std::size_t begin = rest.rfind(quote);
  return begin == std::string_view::npos ? rest : rest.substr(begin + 1);
}

}  // namespace

std::string_view password_in(std::string_view match) {
  if (match.empty()) return match;
  if (const std::size_t close = match.find("</"); close != std::string_view::npos) {
    const std::size_t open = match.find('>');
    if (open < close) return match.substr(open + 1, close - open - 1);
  }
  if (match.back() == '@') match.remove_suffix(1);
  if (match.empty()) return match;
  if (is_any(match.back(), "\"'")) return in_quotes(match);
  const std::size_t separator = match.find_last_of("=:/ \t\"'");
  return separator == std::string_view::npos ? match : match.substr(separator + 1);
}

bool is_password(std::string_view value) {
  constexpr std::size_t kShort = 6;
  constexpr std::size_t kLong = 128;
  while (!value.empty() && is_any(value.back(), ")]};,")) value.remove_suffix(1);
  if (value.size() < kShort || value.size() > kLong || is_placeholder(value)) return false;
  // Code that fetches it, a template's place, an address, a path.
  if (value.find("://") != std::string_view::npos || value.find("()") != std::string_view::npos) return false;
  if (is_any(value.front(), "$%<{@/.(") || value.find("${") != std::string_view::npos) return false;
  const bool letter = std::any_of(value.begin(), value.end(), [](char c) { return std::isalpha(c) != 0; });
  const bool other = std::any_of(value.begin(), value.end(), [](char c) { return std::isalpha(c) == 0; });
  return letter && other && !reads_as_words(value);
}

bool is_base58check(std::string_view text) {
  constexpr std::string_view kDigits = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
  constexpr std::size_t kTextMax = 128;
  constexpr std::size_t kChecksum = 4;
  if (text.size() > kTextMax) return false;
  Bytes number;  // least significant byte first
  for (const char c : text) {
    std::size_t carry = kDigits.find(c);
    if (carry == std::string_view::npos) return false;
    for (std::uint8_t& byte : number) {
      carry += 58u * byte;
      byte = static_cast<std::uint8_t>(carry & 0xFF);
      carry >>= 8;
    }
    if (carry > 0) number.push_back(static_cast<std::uint8_t>(carry));
  }
  std::reverse(number.begin(), number.end());
  if (number.size() <= kChecksum) return false;
  const BytesView body = BytesView(number).first(number.size() - kChecksum);
  const Digest digest = sha256(sha256(body).bytes);
  return std::equal(number.end() - kChecksum, number.end(), digest.bytes.begin());
}

}  // namespace sallyport::formats
