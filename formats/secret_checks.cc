#include "formats/secret_checks.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>

#include "core/digest.h"
#include "core/json.h"
#include "core/text.h"
#include "formats/secret_values.h"

namespace sallyport::formats {
namespace {

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }

// The size of the smallest usual alphabet that has all of the text.
unsigned alphabet_of(std::string_view text) {
  bool hex = true;
  bool lower = false;
  bool upper = false;
  bool other = false;
  for (const char c : text) {
    hex = hex && (is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'));
    lower = lower || is_lower(c);
    upper = upper || is_upper(c);
    other = other || !(is_digit(c) || is_lower(c) || is_upper(c) || c == '+' || c == '/' || c == '-' ||
                       c == '_' || c == '=');
  }
  if (hex && !(lower && upper)) return 16;
  if (other) return 94;
  if (lower && upper) return 64;
  return 36;
}

double entropy_bits(std::string_view text) {
  std::array<unsigned, 256> counts{};
  for (const char c : text) ++counts[static_cast<unsigned char>(c)];
  double bits = 0;
  const auto n = static_cast<double>(text.size());
  for (const unsigned count : counts) {
    if (count > 0) bits -= count / n * std::log2(count / n);
  }
  return bits;
}

// The mean entropy of `length` characters drawn uniformly from `alphabet`: the sum over k of the chance that
// one character occurs k times, by what it then adds.
double expected_bits(std::size_t length, unsigned alphabet) {
  const auto n = static_cast<double>(length);
  const double p = 1.0 / alphabet;
  double bits = 0;
  for (std::size_t k = 1; k <= length; ++k) {
    const auto count = static_cast<double>(k);
    const double log_chance = std::lgamma(n + 1) - std::lgamma(count + 1) - std::lgamma(n - count + 1) +
                              count * std::log(p) + (n - count) * std::log1p(-p);
    bits -= alphabet * std::exp(log_chance) * count / n * std::log2(count / n);
  }
  return bits;
}

// Changes between small letters, capitals, digits and the rest, by the number of places where one could be.
double transitions(std::string_view text) {
  const auto class_of = [](char c) { return is_lower(c) ? 0 : (is_upper(c) ? 1 : (is_digit(c) ? 2 : 3)); };
  std::size_t changes = 0;
  for (std::size_t i = 1; i < text.size(); ++i) changes += class_of(text[i]) != class_of(text[i - 1]);
  return text.size() < 2 ? 0 : static_cast<double>(changes) / static_cast<double>(text.size() - 1);
}

// The share of the text that runs of small letters make which are long enough for words. Random text over
// both cases and digits has few; over small letters and digits alone it has many, and only separators then
// tell a name.
double share_of_words(std::string_view text) {
  constexpr std::size_t kWordMin = 4;
  std::size_t in_words = 0;
  std::size_t run = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && is_lower(text[i])) {
      ++run;
      continue;
    }
    if (run >= kWordMin) in_words += run;
    run = 0;
  }
  return static_cast<double>(in_words) / static_cast<double>(text.size());
}

int classes(std::string_view text) {
  const bool lower = std::any_of(text.begin(), text.end(), is_lower);
  const bool upper = std::any_of(text.begin(), text.end(), is_upper);
  const bool digit = std::any_of(text.begin(), text.end(), is_digit);
  const bool other = std::any_of(text.begin(), text.end(),
                                 [](char c) { return !is_lower(c) && !is_upper(c) && !is_digit(c); });
  return lower + upper + digit + other;
}

bool is_mixed(std::string_view text) {
  return std::any_of(text.begin(), text.end(), is_lower) && std::any_of(text.begin(), text.end(), is_upper) &&
         std::any_of(text.begin(), text.end(), is_digit);
}

std::string_view longest_part(std::string_view token) {
  std::string_view longest;
  while (!token.empty()) {
    const std::size_t end = std::min(token.find_first_of(".:$@&?%|"), token.size());
    if (end >= longest.size()) longest = token.substr(0, end);
    token.remove_prefix(std::min(end + 1, token.size()));
  }
  return longest;
}

// Letters alone are a word, unless capitals stand among them as chance would have it.
bool is_no_word(std::string_view text) {
  const bool digit = std::any_of(text.begin(), text.end(), is_digit);
  const bool letter =
      std::any_of(text.begin(), text.end(), [](char c) { return is_lower(c) || is_upper(c); });
  const bool separated = text.find_first_of("-_./") != std::string_view::npos;
  if (digit && !separated) return letter;
  return letter && !reads_as_words(text) && (digit || (classes(text) >= 2 && transitions(text) > 0.25));
}

std::string_view strip(std::string_view text, std::string_view characters) {
  const std::size_t first = text.find_first_not_of(characters);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(characters) - first + 1);
}

bool github_checksum_holds(std::string_view token) {
  constexpr std::string_view kDigits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  constexpr std::size_t kChecksum = 6;
  const std::size_t prefix = token.find('_') + 1;
  const std::string_view random = token.substr(prefix, token.size() - prefix - kChecksum);
  std::uint64_t crc =
      crc32(0, reinterpret_cast<const Bytef*>(random.data()), static_cast<uInt>(random.size()));
  std::string digits;
  while (digits.size() < kChecksum) {
    digits.insert(digits.begin(), kDigits[crc % 62]);
    crc /= 62;
  }
  return token.ends_with(digits);
}

// Published examples that are real in form: the token of RFC 7515 and the one on the front page of jwt.io.
// Digests, so that this file holds neither.
bool is_published(std::string_view token) {
  constexpr std::array<std::string_view, 2> kDigests{
      "8d4ef6536dc8895f256c1e0d95dcd19763036732d64a095e44a90ed444267ad3",
      "7f75367e7881255134e1375e723d1dea8ad5f6a4fdb79d938df1f1754a830606",
  };
  const std::string digest = sha256(token).hex();
  return std::find(kDigests.begin(), kDigests.end(), digest) != kDigests.end();
}

bool is_jwt(std::string_view token) {
  const std::size_t first = token.find('.');
  if (first == std::string_view::npos) return false;
  const std::size_t second = token.find('.', first + 1);
  if (second == std::string_view::npos) return false;
  for (const std::string_view part : {token.substr(0, first), token.substr(first + 1, second - first - 1)}) {
    const auto json = parse_json(decode_base64_leniently(part));
    if (!json || !json->is_object()) return false;
  }
  return !is_published(token) && !is_placeholder(token.substr(second + 1));
}

// The base64 between the header at `offset` and the end line, without line ends, quotes and escapes of
// either.
std::string pem_body(std::string_view text, std::size_t begin) {
  constexpr std::size_t kBodyMax = 32 * 1024;
  const std::string_view rest = text.substr(begin, kBodyMax);
  std::string_view body = rest.substr(0, rest.find("-----END"));
  if (body.size() == rest.size()) return {};
  std::string out;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (c == '\\' && i + 1 < body.size()) {
      ++i;  // an escaped line end of a string literal
    } else if (is_lower(c) || is_upper(c) || is_digit(c) || c == '+' || c == '/' || c == '=') {
      out.push_back(c);
    }
  }
  return out;
}

bool is_pem(std::string_view text, const Secret& secret) {
  const std::string body = pem_body(text, secret.offset + secret.length);
  constexpr std::size_t kBodyMin = 64;
  if (body.size() < kBodyMin || is_published(body)) return false;
  // The armour's headers and base64 of a sound key are alike random enough; "AAAA..." and "..." are not.
  return randomness(std::string_view(body).substr(body.size() / 2, 200)) > 0.75;
}

bool is_url_password(std::string_view match) {
  const std::size_t at = match.rfind('@');
  const std::size_t begin = match.find("://") + 3;
  const std::string_view user = match.substr(begin, at - begin);
  const std::size_t colon = user.find(':');
  const std::string_view password = user.substr(colon + 1);
  if (is_placeholder(password) || is_placeholder(match)) return false;
  // "user:pass@" and the user's name again are how documentation writes it.
  const std::string name = lowered(user.substr(0, colon));
  return lowered(password) != name && classes(password) >= 2;
}

bool is_basic(std::string_view match) {
  const std::string_view encoded = strip(
      match.substr(match.rfind(' ') + 1).substr(match.substr(match.rfind(' ') + 1).find('"') + 1), "\"'");
  const std::string decoded = decode_base64_leniently(encoded);
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos) return false;
  return decoded.size() - colon > 4 && !is_placeholder(std::string_view(decoded).substr(colon + 1));
}

bool is_header(std::string_view match) {
  const std::string_view credential = match.substr(match.rfind(' ') + 1);
  if (lowered(match).find("basic ") != std::string::npos) {
    const std::string decoded = decode_base64_leniently(credential);
    const std::size_t colon = decoded.find(':');
    return colon != std::string::npos && !is_placeholder(std::string_view(decoded).substr(colon + 1));
  }
  return is_random_token(credential) && classes(credential) >= 2 && transitions(credential) > 0.2;
}

// What stands behind the last separator, without quotes.
std::string_view value_of(std::string_view match) {
  std::size_t at = match.size();
  // The separator is not a part of the value, though base64 may end in equals signs.
  const std::string_view trimmed = strip(match, "\"'` \t=");
  const std::size_t found = trimmed.find_last_of("=:(>");
  if (found != std::string_view::npos)
    at = static_cast<std::size_t>(trimmed.data() - match.data()) + found + 1;
  return strip(match.substr(std::min(at, match.size())), "\"'` \t");
}

// password = "...": the name and the operator are the pattern's; the value is judged by what it is made of.
bool judge_assignment(std::string_view text, Secret& secret) {
  const std::string_view match = text.substr(secret.offset, secret.length);
  const std::size_t separator = match.find_first_of("=:");
  const std::size_t begin = match.find_first_not_of("=:> \t\"'`", separator);
  if (begin == std::string_view::npos) return false;
  const bool quoted = match[begin - 1] == '"' || match[begin - 1] == '\'' || match[begin - 1] == '`';
  std::string_view value = match.substr(begin);
  if (!quoted) value = strip(value, ")]}");
  constexpr std::size_t kPasswordMin = 8;
  constexpr std::size_t kRandomMin = 16;
  const std::string name = lowered(match.substr(0, separator));
  // Git's name for which of the keys signs: its id, its public half, or the path of it.
  if (name.find("signingkey") != std::string::npos) return false;
  if (value.size() < kPasswordMin || is_placeholder(value)) return false;
  // Code that fetches the secret from somewhere, a path, an address, a name in a template.
  if (value.find_first_of("(){}[]<>$ ") != std::string_view::npos ||
      value.find("://") != std::string_view::npos)
    return false;
  if (!quoted && value.find('.') != std::string_view::npos &&
      value.find_first_of("+/=!@#%^&*") == std::string_view::npos)
    return false;
  const double random = randomness(value);
  if (reads_as_words(value)) return false;
  if (value.size() >= kRandomMin && random >= 0.9 && transitions(value) >= 0.25 && classes(value) >= 2) {
    secret.severity = Severity::kHigh;
    secret.confidence = Confidence::kMedium;
    return true;
  }
  // A password that somebody thought up: short, of many kinds of characters.
  const bool password = name.find("pass") != std::string::npos || name.find("pwd") != std::string::npos ||
                        name.find("secret") != std::string::npos;
  if (!password || classes(value) < 3 || transitions(value) < 0.2 || value.size() > 40) return false;
  secret.severity = Severity::kHigh;
  secret.confidence = Confidence::kLow;
  return true;
}

}  // namespace

bool reads_as_words(std::string_view text) {
  constexpr double kWordsMax = 0.35;
  const bool both_cases = std::any_of(text.begin(), text.end(), is_upper);
  const bool separated = text.find_first_of("-_./") != std::string_view::npos;
  return (both_cases || separated) && share_of_words(text) > kWordsMax;
}

bool is_random_token(std::string_view token) {
  constexpr double kRandomnessMin = 0.78;
  constexpr std::size_t kTailMax = 64;
  if (is_placeholder(token)) return false;
  // What separates its parts is no part of what chance chose.
  const std::string_view part = longest_part(token);
  return randomness(part.substr(part.size() - std::min(part.size(), kTailMax))) >= kRandomnessMin;
}

double randomness(std::string_view text) {
  constexpr std::size_t kTextMax = 256;
  text = text.substr(0, kTextMax);
  if (text.empty()) return 0;
  const unsigned alphabet = alphabet_of(text);
  static std::mutex mutex;
  static std::map<std::pair<std::size_t, unsigned>, double> expected;
  double mean = 0;
  {
    const std::lock_guard lock(mutex);
    double& known = expected[{text.size(), alphabet}];
    if (known == 0) known = expected_bits(text.size(), alphabet);
    mean = known;
  }
  return mean <= 0 ? 0 : entropy_bits(text) / mean;
}

bool is_placeholder(std::string_view value) {
  static constexpr std::array<std::string_view, 34> kWords{"example",
                                                           "changeme",
                                                           "change-me",
                                                           "change_me",
                                                           "placeholder",
                                                           "your-",
                                                           "your_",
                                                           "yourpass",
                                                           "yourtoken",
                                                           "yourkey",
                                                           "yoursecret",
                                                           "my-secret",
                                                           "mysecret",
                                                           "mypass",
                                                           "dummy",
                                                           "xxxx",
                                                           "****",
                                                           "....",
                                                           "redacted",
                                                           "replace",
                                                           "insert",
                                                           "sample",
                                                           "<",
                                                           "${",
                                                           "{{",
                                                           "%(",
                                                           "todo",
                                                           "fixme",
                                                           "abcdefgh",
                                                           "12345678",
                                                           "0123456789abcdef",
                                                           "deadbeef",
                                                           "foobar",
                                                           "password"};
  static constexpr std::array<std::string_view, 16> kWhole{
      "secret", "pass", "passwd", "token", "admin",     "root",    "test",    "guest",
      "none",   "null", "true",   "false", "undefined", "hunter2", "letmein", "qwerty"};
  const std::string low = lowered(value);
  for (const std::string_view word : kWords) {
    if (low.find(word) != std::string::npos) return true;
  }
  if (std::find(kWhole.begin(), kWhole.end(), low) != kWhole.end()) return true;
  if (value.starts_with('$') || value.starts_with('%') || value.starts_with('@')) return true;
  // One character again and again.
  constexpr std::size_t kRunMin = 6;
  std::size_t run = 1;
  for (std::size_t i = 1; i < value.size(); ++i) {
    run = value[i] == value[i - 1] ? run + 1 : 1;
    if (run > kRunMin && run * 3 > value.size()) return true;
  }
  return false;
}

std::string decode_base64_leniently(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int have = 0;
  for (const char c : text) {
    int value = 0;
    if (is_upper(c))
      value = c - 'A';
    else if (is_lower(c))
      value = c - 'a' + 26;
    else if (is_digit(c))
      value = c - '0' + 52;
    else if (c == '+' || c == '-')
      value = 62;
    else if (c == '/' || c == '_')
      value = 63;
    else
      break;
    bits = bits << 6 | static_cast<std::uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out.push_back(static_cast<char>(bits >> have & 0xFF));
    }
  }
  return out;
}

bool decodes_to_text(std::string_view text) {
  const std::string decoded = decode_base64_leniently(text);
  return !decoded.empty() && std::all_of(decoded.begin(), decoded.end(), [](unsigned char c) {
    return (c >= 0x20 && c < 0x7F) || c == '\n' || c == '\r' || c == '\t';
  });
}

bool judge_secret(std::string_view text, Secret& secret) {
  const std::string_view match = text.substr(secret.offset, secret.length);
  switch (secret.rule->check) {
    case SecretCheck::kNone: return true;
    case SecretCheck::kRandom: return is_random_token(match);
    case SecretCheck::kGithub:
      if (!github_checksum_holds(match)) secret.confidence = Confidence::kMedium;
      return is_random_token(match);
    case SecretCheck::kMixed: return is_random_token(match) && is_mixed(match);
    case SecretCheck::kValue: return is_random_token(value_of(match));
    case SecretCheck::kJwt: return is_jwt(match);
    case SecretCheck::kPem: return is_pem(text, secret);
    case SecretCheck::kUrl: return is_url_password(match);
    case SecretCheck::kBasic: return is_basic(match);
    case SecretCheck::kHeader: return is_header(match);
    case SecretCheck::kLastWord: return !is_placeholder(match.substr(match.find_last_of(" \t") + 1));
    case SecretCheck::kLastField: return !is_placeholder(match.substr(match.rfind(':') + 1));
    case SecretCheck::kAssignment: return judge_assignment(text, secret);
    case SecretCheck::kNamed:
      secret.confidence = Confidence::kMedium;
      return is_random_token(match) && is_no_word(match);
    case SecretCheck::kPassword:
      secret.severity = Severity::kHigh;
      secret.confidence = Confidence::kMedium;
      return is_password(password_in(match));
    case SecretCheck::kHash:
      secret.severity = Severity::kHigh;
      secret.confidence = Confidence::kMedium;
      return is_random_token(match.substr(match.rfind('$') + 1));
    case SecretCheck::kBase58: return is_base58check(match);
  }
  return false;
}

}  // namespace sallyport::formats
