// Personal data in text: card numbers, IBANs, e-mail addresses, telephone numbers, US social security numbers
// and IP addresses, in one pass.
//
// A run of digits and separators is looked at once and judged by what it could be: a card number by Luhn's
// check, an IBAN by ISO 7064's mod 97 and its country's length, a social security number by the ranges that
// are issued, a telephone number by its grouping or by a word in front of it that says so. Names and
// addresses are not looked for: they need a language model. About 200 MB a second. Pure functions, safe from
// any thread.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace sallyport::formats {

enum class PersonalKind : std::uint8_t { kCard, kIban, kEmail, kPhone, kSocialSecurity, kIpAddress };
inline constexpr std::size_t kPersonalKinds = 6;
// "card number", "IBAN", ...
std::string_view name_of(PersonalKind kind);

struct PersonalSpan {
  PersonalKind kind = PersonalKind::kEmail;
  std::size_t begin = 0;
  std::size_t end = 0;
};
// In order, without overlaps.
std::vector<PersonalSpan> find_personal(std::string_view text);

// Luhn's check of 12 to 19 digits, of which not all are the same.
bool passes_luhn(std::string_view digits);
// Of capitals and digits without blanks.
bool is_iban(std::string_view text);

}  // namespace sallyport::formats
