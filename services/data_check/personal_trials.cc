#include "services/data_check/personal_trials.h"

#include <algorithm>

#include "formats/personal.h"
#include "learn/random.h"

namespace sallyport::services::data_check {
namespace {

using formats::PersonalKind;

std::string digits(learn::Random& random, std::size_t count) {
  std::string out;
  while (out.size() < count) out += static_cast<char>('0' + random.below(10));
  return out;
}

// From 1 on, of so many digits.
std::string number(learn::Random& random, std::uint64_t below, std::size_t width) {
  const std::string text = std::to_string(1 + random.below(below - 1));
  return std::string(width - std::min(width, text.size()), '0') + text;
}

std::string card(learn::Random& random) {
  std::string out = "4" + digits(random, 14) + "0";
  while (!formats::passes_luhn(out)) ++out.back();  // one of ten last digits does
  if (random.below(2) == 0) return out;
  return out.substr(0, 4) + " " + out.substr(4, 4) + " " + out.substr(8, 4) + " " + out.substr(12);
}

std::string iban(learn::Random& random) {
  const std::string account = digits(random, 18);
  std::string out;
  for (int check = 2; check < 99; ++check) {
    out = "DE" + std::string(check < 10 ? "0" : "") + std::to_string(check) + account;
    if (formats::is_iban(out)) break;
  }
  return out;
}

std::string email(learn::Random& random) {
  std::string out;
  while (out.size() < 8) out += static_cast<char>('a' + random.below(26));
  return out + "@example.org";
}

std::string item(PersonalKind kind, learn::Random& random) {
  switch (kind) {
    case PersonalKind::kCard: return card(random);
    case PersonalKind::kIban: return iban(random);
    case PersonalKind::kEmail: return email(random);
    case PersonalKind::kPhone:
      return "2" + digits(random, 2) + "-5" + digits(random, 2) + "-" + digits(random, 4);
    case PersonalKind::kSocialSecurity:
      return number(random, 600, 3) + "-" + number(random, 100, 2) + "-" + number(random, 10'000, 4);
    case PersonalKind::kIpAddress: return "192.0." + number(random, 255, 1) + "." + number(random, 255, 1);
  }
  return "";
}

bool finds_in(std::string_view text, std::size_t begin, std::size_t end) {
  const auto spans = formats::find_personal(text);
  return std::ranges::any_of(
      spans, [&](const formats::PersonalSpan& span) { return span.begin < end && span.end > begin; });
}

}  // namespace

PersonalTrials personal_trials(std::span<const std::string> texts, std::uint64_t seed) {
  learn::Random random(learn::derive_seed(seed, 60));
  PersonalTrials out;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const auto kind = static_cast<PersonalKind>(i % formats::kPersonalKinds);
    const std::size_t blank = texts[i].find(' ', random.below(texts[i].size() + 1));
    const std::size_t at = std::min(blank, texts[i].size());
    const std::string planted = " " + item(kind, random) + " ";
    std::string text = texts[i];
    text.insert(at, planted);
    ++out.planted;
    out.found += finds_in(text, at, at + planted.size()) ? 1 : 0;
    text = texts[i];
    for (char& c : text) {
      if (c >= '0' && c <= '9') c = static_cast<char>('0' + random.below(10));
    }
    ++out.redrawn;
    out.alarms += formats::find_personal(text).empty() ? 0 : 1;
  }
  return out;
}

}  // namespace sallyport::services::data_check
