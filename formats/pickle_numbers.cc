#include "formats/pickle_numbers.h"

#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdlib>

#include "core/text.h"

namespace sallyport::formats::pickle {
namespace {

bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

void skip_blanks(std::string_view& text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
}
void trim(std::string_view& text) {
  skip_blanks(text);
  while (!text.empty() && is_blank(text.back())) text.remove_suffix(1);
}
void skip_sign(std::string_view& text) {
  if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'z') return c - 'a' + 10;
  if (c >= 'A' && c <= 'Z') return c - 'A' + 10;
  return 99;
}

// Digits of `base` with single underscores between them, to the end.
bool digits_to_end(std::string_view text, int base, bool underscore_may_lead) {
  bool after_digit = underscore_may_lead;
  for (const char c : text) {
    if (c == '_') {
      if (!after_digit) return false;
      after_digit = false;
    } else if (digit_value(c) < base) {
      after_digit = true;
    } else {
      return false;
    }
  }
  return !text.empty() && text.back() != '_';
}

// int(text, 0), or int(text, 10).
bool python_int(std::string_view text, int base) {
  trim(text);
  skip_sign(text);
  if (base == 10) return digits_to_end(text, 10, false);
  if (text.size() > 1 && text[0] == '0') {
    const char prefix = lowered(text[1]);
    const int prefixed = prefix == 'x' ? 16 : (prefix == 'o' ? 8 : (prefix == 'b' ? 2 : 0));
    if (prefixed != 0) return digits_to_end(text.substr(2), prefixed, true);
    // A leading zero is taken for an octal number of Python 2 and refused, unless the number is zero.
    return text.find_first_not_of("0_") == std::string_view::npos && digits_to_end(text, 10, false);
  }
  return digits_to_end(text, 10, false);
}

// More decimal digits than this are refused by releases since 2022 and read by older ones.
constexpr std::size_t kPythonDigitsMax = 4300;
bool has_too_many_digits(std::string_view line) { return line.size() > kPythonDigitsMax; }

// What strtol(line, &end, 0) reads when it ends at the end of the line or at NUL, as the C unpickler asks.
std::optional<long> strtol_value(std::string_view line) {
  const std::string text = std::string(line) + '\n';
  char* end = nullptr;
  errno = 0;
  const long value = std::strtol(text.c_str(), &end, 0);
  if (errno != 0 || (*end != '\n' && *end != '\0')) return std::nullopt;
  return value;
}

std::string_view before_nul(std::string_view line) { return line.substr(0, line.find('\0')); }

bool any_case_equal(std::string_view text, std::string_view word) {
  if (text.size() != word.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (lowered(text[i]) != word[i]) return false;
  }
  return true;
}

// Too large for a double, which the C unpickler refuses and float() takes for infinite.
bool overflows(std::string_view number) {
  errno = 0;
  const double value = std::strtod(std::string(number).c_str(), nullptr);
  return errno == ERANGE && std::fabs(value) > 1;
}

// The grammar of Python's float() without blanks and underscores.
bool plain_float(std::string_view text) {
  skip_sign(text);
  if (any_case_equal(text, "inf") || any_case_equal(text, "infinity") || any_case_equal(text, "nan"))
    return true;
  std::size_t at = 0;
  std::size_t digits = 0;
  const auto skip_digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && digit_value(text[at]) < 10) ++at;
    return at - begin;
  };
  digits += skip_digits();
  if (at < text.size() && text[at] == '.') {
    ++at;
    digits += skip_digits();
  }
  if (digits == 0) return false;
  if (at == text.size()) return true;
  if (lowered(text[at]) != 'e') return false;
  ++at;
  if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
  return skip_digits() > 0 && at == text.size();
}

bool python_float(std::string_view text) {
  trim(text);
  std::string_view rest = text;
  std::string joined;
  char last = '\0';
  for (const char c : rest) {
    const bool between = c != '_' || (digit_value(last) < 10);
    if (!between || (last == '_' && digit_value(c) >= 10)) return false;
    if (c != '_') joined.push_back(c);
    last = c;
  }
  return last != '_' && plain_float(joined);
}

}  // namespace

Accepted accept_int(std::string_view line) {
  const bool boolean = line == "00" || line == "01";
  if (boolean) return {.c = true, .python = true, .tools = true};
  if (line.empty()) return {};
  const std::optional<long> value = strtol_value(line);
  // Any spelling of 0 and 1 in two characters is a bool to the C unpickler.
  const bool c_boolean = value && line.size() == 2 && (*value == 0 || *value == 1);
  return {.c = value || python_int(before_nul(line), 0),
          .python = python_int(line, 0),
          .tools = python_int(line, 10) && !has_too_many_digits(line),
          .alike = !c_boolean};
}

Accepted accept_long(std::string_view line) {
  const std::string_view number = line.ends_with('L') ? line.substr(0, line.size() - 1) : line;
  return {.c = python_int(before_nul(number), 0),
          .python = python_int(number, 0),
          .tools = python_int(number, 10) && !has_too_many_digits(number)};
}

Accepted accept_float(std::string_view line) {
  const std::string_view c_line = before_nul(line);
  const bool tools = python_float(line);
  return {.c = plain_float(c_line) && !overflows(c_line), .python = tools, .tools = tools};
}

MemoKey memo_key(std::string_view line) {
  std::string_view text = before_nul(line);
  MemoKey key;
  if (!python_int(text, 10)) return key;
  const bool whole = text.size() == line.size();
  key.accepted = {.c = true, .python = whole, .tools = whole && !has_too_many_digits(line)};
  trim(text);
  const bool negative = text.starts_with('-');
  skip_sign(text);
  for (const char c : text) {
    if (c != '_' && (c != '0' || !key.digits.empty())) key.digits.push_back(c);
  }
  if (key.digits.empty()) {
    key.digits = "0";
  } else if (negative) {
    key.digits.clear();
  }
  return key;
}

std::optional<std::uint64_t> MemoKey::index() const {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || value > INT64_MAX) return std::nullopt;
  return value;
}

std::optional<std::int64_t> plain_integer(std::string_view line) {
  if (line.ends_with('L')) line.remove_suffix(1);
  return parsed_number<std::int64_t>(line);
}

}  // namespace sallyport::formats::pickle
