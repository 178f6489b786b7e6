// Small things that readers of text share; letters and digits are ASCII's. Pure functions, safe from any
// thread.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace sallyport {

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
// Of names of packages, of keys in settings: a letter, a digit, '.', '-' or '_'.
constexpr bool is_name_letter(char c) {
  return is_letter(c) || is_digit(c) || c == '_' || c == '-' || c == '.';
}
constexpr char lowered(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

inline std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lowered(c);
  return out;
}

// Without the blanks around it, which are line ends too unless somebody is stricter.
inline std::string_view trimmed(std::string_view text, std::string_view blanks = " \t\r\n") {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

// The number that `text` is from its first character to its last, as std::from_chars reads one; nothing when
// it is none or does not fit.
template <class Number>
std::optional<Number> parsed_number(std::string_view text) {
  Number out{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return out;
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

}  // namespace sallyport
