#include <algorithm>
#include <functional>

#include "core/bytes.h"
#include "services/redact/redact.h"

namespace sallyport::services::redact {
namespace {

constexpr std::string_view kLower = "0123456789abcdef";
constexpr std::string_view kUpper = "0123456789ABCDEF";

bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string pair_of(char c, std::string_view digits) {
  const auto byte = static_cast<unsigned char>(c);
  return {digits[byte >> 4], digits[byte & 15]};
}

std::string each(std::string_view text, const std::function<std::string(char)>& spell) {
  std::string out;
  for (const char c : text) out += spell(c);
  return out;
}

// What is sure of the base64 of any text that holds the secret behind a multiple of three bytes and `shift`
// more: the characters at either end also depend on the neighbours.
std::string base64_at(std::string_view secret, std::size_t shift, bool for_addresses) {
  std::string text(shift, '\0');
  text += secret;
  std::string out = to_base64(as_bytes(text));
  out.erase(std::min(out.find('='), out.size()));
  if (text.size() % 3 != 0) out.pop_back();
  out.erase(0, (shift * 8 + 5) / 6);
  if (for_addresses) {
    std::ranges::replace(out, '+', '-');
    std::ranges::replace(out, '/', '_');
  }
  return out;
}

// Percent-encoding: what must be, with either digits; what encodeURIComponent leaves; every byte.
void add_addresses(std::string_view secret, std::vector<std::string>& out) {
  for (const std::string_view digits : {kUpper, kLower}) {
    const auto all_but = [&](std::string_view plain) {
      return each(secret, [&](char c) {
        if (is_letter_or_digit(c) || plain.find(c) != std::string_view::npos) return std::string(1, c);
        return "%" + pair_of(c, digits);
      });
    };
    out.push_back(all_but("-._~"));
    out.push_back(all_but("-._~/"));      // urllib.parse.quote
    out.push_back(all_but("-._~!*'()"));  // encodeURIComponent
    out.push_back(all_but("-._*"));       // forms
    out.push_back(each(out.back(), [](char c) { return c == ' ' ? std::string("+") : std::string(1, c); }));
    out.push_back(each(secret, [&](char c) { return "%" + pair_of(c, digits); }));
  }
}

std::string json_short(char c) {
  switch (c) {
    case '"': return "\\\"";
    case '\\': return "\\\\";
    case '\b': return "\\b";
    case '\f': return "\\f";
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    default: return {};
  }
}

// JSON: the shortest, with slashes escaped, with what HTML minds as numbers, and all of it as numbers.
void add_json(std::string_view secret, std::vector<std::string>& out) {
  for (const std::string_view digits : {kLower, kUpper}) {
    const auto number = [&](char c) { return "\\u00" + pair_of(c, digits); };
    const auto shortest = [&](char c) {
      const std::string escaped = json_short(c);
      if (!escaped.empty()) return escaped;
      return static_cast<unsigned char>(c) < 0x20 ? number(c) : std::string(1, c);
    };
    out.push_back(each(secret, shortest));
    out.push_back(each(secret, [&](char c) { return c == '/' ? std::string("\\/") : shortest(c); }));
    out.push_back(each(secret, [&](char c) {
      return std::string_view("<>&'+=").find(c) != std::string_view::npos ? number(c) : shortest(c);
    }));
    out.push_back(
        each(secret, [&](char c) { return is_letter_or_digit(c) ? std::string(1, c) : number(c); }));
    out.push_back(each(secret, number));
    out.push_back(each(secret, [&](char c) { return "\\x" + pair_of(c, digits); }));
  }
}

}  // namespace

std::vector<std::string> forms_of(std::string_view secret) {
  std::vector<std::string> out{std::string(secret)};
  for (std::size_t shift = 0; shift < 3; ++shift) {
    for (const bool for_addresses : {false, true}) out.push_back(base64_at(secret, shift, for_addresses));
  }
  for (const std::string_view digits : {kLower, kUpper}) {
    out.push_back(each(secret, [&](char c) { return pair_of(c, digits); }));
    out.push_back(each(secret, [&](char c) { return pair_of(c, digits) + ":"; }));
    out.back().pop_back();
    out.push_back(each(secret, [&](char c) { return pair_of(c, digits) + " "; }));
    out.back().pop_back();
  }
  add_addresses(secret, out);
  add_json(secret, out);
  // `set -x` writes a quote within quotes so.
  out.push_back(each(secret, [](char c) { return c == '\'' ? std::string("'\\''") : std::string(1, c); }));
  for (std::string& form : out) std::erase_if(form, [](char c) { return c == '\n' || c == '\r'; });
  std::vector<std::string> unique;
  for (std::string& form : out) {
    if (form.size() >= kSecretBytesMin && std::ranges::find(unique, form) == unique.end())
      unique.push_back(std::move(form));
  }
  return unique;
}

}  // namespace sallyport::services::redact
