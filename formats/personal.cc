#include "formats/personal.h"

#include <algorithm>
#include <string>

#include "core/text.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kPhoneDigitsMin = 7;
constexpr std::size_t kPhoneDigitsMax = 15;  // ITU-T E.164
constexpr std::size_t kExtensionDigitsMax = 6;
constexpr std::size_t kRunBytesMax = 64;
constexpr std::size_t kLocalPartMax = 64;  // RFC 5321
constexpr std::size_t kDomainMax = 255;
constexpr std::size_t kContextBytes = 32;  // in front of a number, in which a word may say what it is

bool is_word(char c) {
  return is_digit(c) || is_letter(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

// Where the country's IBANs have this many characters (SWIFT's registry); 0: no such country.
std::size_t iban_length(std::string_view country) {
  constexpr std::string_view kLengths =
      "AD24AE23AL28AT20AZ28BA20BE16BG22BH22BI27BR29BY28CH21CR22CY28CZ24DE22DJ27DK18DO28EE20EG29ES24FI18FK18"
      "FO18FR27GB22GE22GI23GL18GR27GT28HN28HR21HU28IE22IL23IQ23IS26IT27JO30KW30KZ20LB28LC32LI21LT20LU20LV21"
      "LY25MC27MD24ME22MK19MN20MR27MT31MU30NI28NL18NO15OM23PK24PL28PS29PT25QA29RO24RS22RU33SA24SC31SD18SE24"
      "SI19SK24SM27SO23ST25SV28TL23TN24TR26UA29VA22VG24XK20YE30";
  for (std::size_t at = 0; at + 4 <= kLengths.size(); at += 4) {
    if (kLengths.substr(at, 2) == country) {
      return static_cast<std::size_t>(10 * (kLengths[at + 2] - '0') + kLengths[at + 3] - '0');
    }
  }
  return 0;
}

// A run of digits with what may stand between them, taken apart into its groups of digits.
struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;  // behind the last digit
  std::string digits = {};
  std::vector<std::size_t> groups = {};  // how many digits in each
  std::string separators = {};           // one character between groups, the first of each separator
  bool has_plus = false;
  bool has_bracket = false;
};

class Finder {
 public:
  explicit Finder(std::string_view text) : text_(text) {}

  std::vector<PersonalSpan> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '@') {
        email();
      } else if (is_digit(c) || c == '+' || c == '(') {
        number();
      } else if (is_letter(c) && starts_word() && at_ + 4 < text_.size() && is_digit(text_[at_ + 2])) {
        iban();
      } else {
        ++at_;
      }
    }
    return std::move(found_);
  }

 private:
  bool starts_word() const { return at_ == 0 || !is_word(text_[at_ - 1]); }
  bool word_ends(std::size_t end) const { return end >= text_.size() || !is_word(text_[end]); }

  void add(PersonalKind kind, std::size_t begin, std::size_t end) {
    // An address may have been taken for something else up to its @.
    while (!found_.empty() && found_.back().end > begin) found_.pop_back();
    found_.push_back({kind, begin, end});
    at_ = end;
  }

  void email() {
    const auto local = [](char c) {
      return is_letter(c) || is_digit(c) || std::string_view("._%+-").find(c) != std::string_view::npos;
    };
    std::size_t begin = at_;
    while (begin > 0 && at_ - begin < kLocalPartMax && local(text_[begin - 1])) --begin;
    while (begin < at_ && text_[begin] == '.') ++begin;
    std::size_t end = at_ + 1;
    std::size_t dot = 0;
    while (end < text_.size() && end - at_ <= kDomainMax &&
           (is_letter(text_[end]) || is_digit(text_[end]) || text_[end] == '-' || text_[end] == '.')) {
      if (text_[end] == '.') dot = end;
      ++end;
    }
    while (end > at_ + 1 && (text_[end - 1] == '.' || text_[end - 1] == '-')) --end;
    if (dot >= end) dot = text_.substr(0, end).rfind('.');
    const bool has_domain = dot != std::string_view::npos && dot > at_ + 1 && end - dot >= 3 &&
                            is_letter(text_[dot + 1]) && is_letter(text_[end - 1]);
    if (begin < at_ && has_domain) {
      add(PersonalKind::kEmail, begin, end);
    } else {
      ++at_;
    }
  }

  void iban() {
    std::string letters;
    std::size_t end = at_;
    const std::size_t length = iban_length(std::string{upper(text_[at_]), upper(text_[at_ + 1])});
    while (length > 0 && end < text_.size() && letters.size() < length) {
      const char c = text_[end];
      if (is_letter(c) || is_digit(c)) {
        letters += upper(c);
      } else if (c != ' ' || letters.size() % 4 != 0) {
        break;
      }
      ++end;
    }
    if (length > 0 && letters.size() == length && word_ends(end) && is_iban(letters)) {
      add(PersonalKind::kIban, at_, end);
    } else {
      ++at_;
    }
  }

  // Digits with at most three characters of separator between groups.
  Run take_run() const {
    Run run{.begin = at_, .end = at_};
    std::size_t group = 0;
    std::size_t gap = 0;
    for (std::size_t i = at_; i < text_.size() && i - at_ < kRunBytesMax; ++i) {
      const char c = text_[i];
      if (is_digit(c)) {
        if (gap > 0 && !run.digits.empty()) {
          run.groups.push_back(group);
          run.separators += text_[run.end] == ')' && run.end + 1 < i ? text_[run.end + 1] : text_[run.end];
          group = 0;
        }
        run.digits += c;
        ++group;
        gap = 0;
        run.end = i + 1;
        continue;
      }
      if (std::string_view(" -.()+:").find(c) == std::string_view::npos || ++gap > 3) break;
      if (c == '+' && !run.digits.empty()) break;
      run.has_plus = run.has_plus || c == '+';
      run.has_bracket = run.has_bracket || c == '(';
    }
    if (group > 0) run.groups.push_back(group);
    return run;
  }

  void number() {
    const bool is_fresh = starts_word() && (at_ == 0 || std::string_view("./-#$").find(text_[at_ - 1]) ==
                                                            std::string_view::npos);
    const Run run = take_run();
    if (!is_fresh || run.digits.empty()) {
      at_ = std::max(at_ + 1, is_digit(text_[at_]) ? end_of_digits() : at_ + 1);
      return;
    }
    if (judge(run)) return;
    // A number in equal parts is one number; otherwise another may start behind its first digits.
    const bool whole = run.groups.size() >= 3 && has_one_separator(run);
    at_ = whole ? run.end : is_digit(text_[at_]) ? end_of_digits() : at_ + 1;
  }

  std::size_t end_of_digits() const {
    std::size_t end = at_;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    return end;
  }

  bool judge(const Run& run) {
    const std::size_t contiguous = end_of_digits();
    if (ip_address()) return true;
    if (social_security(run)) return true;
    // A card number stands alone, or in groups of four with one separator.
    if (contiguous > at_ && word_ends(contiguous) && passes_luhn(text_.substr(at_, contiguous - at_))) {
      add(PersonalKind::kCard, at_, contiguous);
      return true;
    }
    if (grouped_card(run)) return true;
    return phone(run);
  }

  bool grouped_card(const Run& run) {
    using Groups = std::vector<std::size_t>;
    static const std::array<Groups, 4> kPrinted{
        {{4, 4, 4, 4}, {4, 4, 4, 4, 3}, {4, 6, 5}, {4, 6, 4}}};  // as cards are printed
    if (std::ranges::find(kPrinted, run.groups) == kPrinted.end() || !word_ends(run.end)) return false;
    if (run.has_bracket || run.has_plus || !has_one_separator(run) || !passes_luhn(run.digits)) return false;
    add(PersonalKind::kCard, run.begin, run.end);
    return true;
  }

  static bool has_one_separator(const Run& run) {
    return run.separators.find_first_not_of(run.separators.front()) == std::string::npos;
  }

  bool social_security(const Run& run) {
    if (run.groups != std::vector<std::size_t>{3, 2, 4} || run.separators != "--" || !word_ends(run.end))
      return false;
    if (run.begin != at_ || run.has_bracket || run.has_plus) return false;
    const std::string_view d = run.digits;
    if (d.substr(0, 3) == "000" || d.substr(0, 3) == "666" || d.substr(3, 2) == "00" || d.substr(5) == "0000")
      return false;
    add(PersonalKind::kSocialSecurity, run.begin, run.end);
    return true;
  }

  bool ip_address() {
    std::size_t end = at_;
    for (int part = 0; part < 4; ++part) {
      std::size_t value = 0;
      const std::size_t begin = end;
      while (end < text_.size() && is_digit(text_[end]) && end - begin < 3)
        value = 10 * value + static_cast<std::size_t>(text_[end++] - '0');
      if (end == begin || value > 255 || (end - begin > 1 && text_[begin] == '0')) return false;
      if (part < 3 && (end >= text_.size() || text_[end++] != '.')) return false;
    }
    if (!word_ends(end) || (end + 1 < text_.size() && text_[end] == '.' && is_digit(text_[end + 1])))
      return false;
    add(PersonalKind::kIpAddress, at_, end);
    return true;
  }

  bool is_announced() const {
    constexpr std::string_view kWords[] = {"phone", "tel", "mobile", "call",    "fax",      "cell",
                                           "desk",  "sms", "dial",   "contact", "whatsapp", "number"};
    std::string before(
        text_.substr(at_ < kContextBytes ? 0 : at_ - kContextBytes, std::min(at_, kContextBytes)));
    for (char& c : before) c = lowered(c);
    return std::ranges::any_of(kWords,
                               [&](std::string_view word) { return before.find(word) != std::string::npos; });
  }

  // 2026-11-24, 24.11.2026, 11:34:35: dates and times are grouped digits too.
  static bool looks_like_date(const Run& run) {
    if (run.separators.find(':') != std::string::npos) return true;
    const std::vector<std::size_t>& g = run.groups;
    if (g.size() < 3) return false;
    const auto is_year = [](std::string_view d) { return d.starts_with("19") || d.starts_with("20"); };
    if (g[0] == 4 && g[1] <= 2 && g[2] <= 2) return is_year(run.digits);
    return g[0] <= 2 && g[1] <= 2 && g[2] == 4 && g.size() == 3 &&
           is_year(std::string_view(run.digits).substr(g[0] + g[1]));
  }

  // 10.20.30.400 and 1.000.000 are versions and sums; 000-12-3456 is the form of another number.
  static bool looks_like_other(const Run& run) {
    if (run.groups == std::vector<std::size_t>{3, 2, 4}) return true;
    if (run.groups.size() < 2 || run.separators.find_first_not_of('.') != std::string::npos) return false;
    const bool quad = run.groups.size() == 4 && *std::ranges::max_element(run.groups) <= 3;
    const bool thousands =
        std::all_of(run.groups.begin() + 1, run.groups.end(), [](std::size_t g) { return g == 3; });
    return quad || thousands;
  }

  bool phone(const Run& run) {
    const std::size_t digits = run.digits.size();
    if (digits < kPhoneDigitsMin || digits > kPhoneDigitsMax || looks_like_date(run) || looks_like_other(run))
      return false;
    std::size_t end = run.end;
    if (end < text_.size() && text_[end] == 'x') {
      std::size_t extension = end + 1;
      while (extension < text_.size() && is_digit(text_[extension]) && extension - end <= kExtensionDigitsMax)
        ++extension;
      if (extension > end + 1) end = extension;
    }
    if (!word_ends(end)) return false;
    const std::size_t groups = run.groups.size();
    const std::size_t longest = *std::ranges::max_element(run.groups);
    // Grouped as numbers that are dialled are; 3-4 is a subscriber's number, 4-3 and 5-4 are postal codes.
    const bool grouped = (groups >= 3 && longest <= 5 && run.groups.back() >= 2) || run.has_plus ||
                         (run.has_bracket && groups >= 2) ||
                         (groups == 2 && run.groups[0] == 3 && run.groups[1] == 4);
    if (!grouped && !(is_announced() && (groups <= 2 || longest <= 7))) return false;
    add(PersonalKind::kPhone, run.begin, end);
    return true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::vector<PersonalSpan> found_;
};

}  // namespace

std::string_view name_of(PersonalKind kind) {
  constexpr std::array<std::string_view, kPersonalKinds> kNames{
      "card number", "IBAN", "e-mail address", "telephone number", "social security number", "IP address"};
  return kNames[static_cast<std::size_t>(kind)];
}

bool passes_luhn(std::string_view digits) {
  if (digits.size() < 12 || digits.size() > 19) return false;
  if (digits.find_first_not_of(digits.front()) == std::string_view::npos) return false;
  int sum = 0;
  for (std::size_t i = 0; i < digits.size(); ++i) {
    const char c = digits[digits.size() - 1 - i];
    if (!is_digit(c)) return false;
    const int value = (c - '0') * (i % 2 == 0 ? 1 : 2);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 == 0;
}

bool is_iban(std::string_view text) {
  if (text.size() < 5 || iban_length(text.substr(0, 2)) != text.size()) return false;
  int rest = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[(i + 4) % text.size()];
    if (is_digit(c)) {
      rest = (rest * 10 + c - '0') % 97;
    } else if (c >= 'A' && c <= 'Z') {
      rest = (rest * 100 + c - 'A' + 10) % 97;
    } else {
      return false;
    }
  }
  return rest == 1;
}

std::vector<PersonalSpan> find_personal(std::string_view text) { return Finder(text).run(); }

}  // namespace sallyport::formats
