#include "formats/secret_names.h"

#include <algorithm>
#include <charconv>

#include "core/text.h"

namespace sallyport::formats {
namespace {

constexpr std::size_t kNameBefore = 40;
constexpr std::size_t kNameAfter = 48;
constexpr std::size_t kBlanksMax = 12;
constexpr std::size_t kQuotesMax = 4;


bool same_word(std::string_view text, std::string_view word) {
  return text.size() == word.size() &&
         std::equal(text.begin(), text.end(), word.begin(), [](char a, char b) { return lowered(a) == b; });
}

// "a b c" word by word.
template <class Visit>
bool any_word(std::string_view words, Visit visit) {
  while (!words.empty()) {
    const std::size_t end = std::min(words.find(' '), words.size());
    if (visit(words.substr(0, end))) return true;
    words.remove_prefix(std::min(end + 1, words.size()));
  }
  return false;
}

// A word starts where no word goes on: "my_datadog", "myDatadog", not "xdatadog".
bool starts_word(std::string_view text, std::size_t begin) {
  if (begin == 0 || !is_letter(text[begin - 1])) return true;
  const bool upper = text[begin] != lowered(text[begin]);
  return upper && text[begin - 1] == lowered(text[begin - 1]);
}

std::optional<std::size_t> word_begin(std::string_view text, std::string_view words, std::size_t end) {
  std::optional<std::size_t> begin;
  any_word(words, [&](std::string_view word) {
    if (word.size() > end || !same_word(text.substr(end - word.size(), word.size()), word)) return false;
    if (starts_word(text, end - word.size())) begin = end - word.size();
    return begin.has_value();
  });
  return begin;
}

// "Datadog API key: ": a name of several words goes on over these.
std::size_t over_plain_words(std::string_view text, std::size_t at) {
  constexpr std::string_view kWords =
      "api app access auth key token secret password personal private rest admin is";
  constexpr int kWordsMax = 4;
  for (int i = 0; i < kWordsMax && at + 1 < text.size() && text[at] == ' '; ++i) {
    std::size_t end = at + 1;
    while (end < text.size() && end < at + kBlanksMax && is_letter(text[end])) ++end;
    const std::string_view next = text.substr(at + 1, end - at - 1);
    if (!any_word(kWords, [&](std::string_view word) { return same_word(next, word); })) break;
    at = end;
  }
  return at;
}

bool says_secret(std::string_view name) {
  constexpr std::string_view kWords =
      "key token secret pass pwd auth cred pat api private access dsn sid salt sign webhook bearer";
  return any_word(kWords, [&](std::string_view word) {
    for (std::size_t i = 0; i + word.size() <= name.size(); ++i) {
      if (same_word(name.substr(i, word.size()), word)) return true;
    }
    return false;
  });
}

std::size_t over(std::string_view text, std::size_t at, std::string_view set, std::size_t most) {
  for (std::size_t i = 0; i < most && at < text.size() && set.find(text[at]) != std::string_view::npos; ++i)
    ++at;
  return at;
}

bool starts_with_word(std::string_view text, std::string_view word) {
  return text.size() > word.size() && same_word(text.substr(0, word.size()), word);
}

// Behind the name: what closes it, a separator, what opens the value.
std::optional<std::size_t> over_separator(std::string_view text, std::size_t at) {
  const std::size_t name_end = at;
  at = over(text, at, "\"'`)]}", kQuotesMax);
  const std::size_t blank = at;
  at = over(text, at, " \t\r\n", kBlanksMax);
  bool separated = at > blank;
  // A list of an environment and an attribute say "value" first.
  if (starts_with_word(text.substr(at), "value")) {
    at = over(text, at + std::string_view("value").size(), "\"' \t", kBlanksMax);
  } else if (text.substr(blank, at - blank).find('\n') != std::string_view::npos) {
    return std::nullopt;
  }
  const std::size_t operator_begin = at;
  at = over(text, at, "=:,(>", 2);
  separated = separated || at > operator_begin;
  if (!separated || at == name_end) return std::nullopt;
  at = over(text, at, " \t", kBlanksMax);
  for (const std::string_view scheme : {"bearer ", "token ", "basic ", "apikey "}) {
    if (starts_with_word(text.substr(at), scheme)) at += scheme.size();
  }
  // A prefix of a string literal.
  if (at + 1 < text.size() && std::string_view("bBrRuUfF@").find(text[at]) != std::string_view::npos &&
      (text[at + 1] == '"' || text[at + 1] == '\'')) {
    ++at;
  }
  at = over(text, at, "\"'`([{\\", kQuotesMax);
  for (const std::string_view scheme : {"bearer ", "token ", "basic "}) {
    if (starts_with_word(text.substr(at), scheme)) at += scheme.size();
  }
  return at;
}

// Whether `length` is one of "32,40" or within "24-64".
bool is_size(std::string_view sizes, std::size_t length) {
  while (!sizes.empty()) {
    const std::string_view part = sizes.substr(0, sizes.find(','));
    sizes.remove_prefix(std::min(part.size() + 1, sizes.size()));
    std::size_t low = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), low);
    if (error != std::errc()) return false;
    std::size_t high = low;
    if (end != part.data() + part.size()) std::from_chars(end + 1, part.data() + part.size(), high);
    if (length >= low && length <= high) return true;
  }
  return false;
}

}  // namespace

std::optional<NamedValue> find_named_value(std::string_view text, const SecretRule& rule,
                                           const CharacterSet& value, std::size_t word_end) {
  constexpr std::size_t kValueMax = 512;
  const std::optional<std::size_t> word = word_begin(text, rule.words, word_end);
  if (!word) return std::nullopt;
  std::size_t begin = *word;
  while (begin > 0 && *word - begin < kNameBefore && is_name_letter(text[begin - 1])) --begin;
  std::size_t end = word_end;
  while (end < text.size() && end - word_end < kNameAfter && is_name_letter(text[end])) ++end;
  end = over_plain_words(text, end);
  if (!says_secret(text.substr(begin, end - begin))) return std::nullopt;
  const std::optional<std::size_t> at = over_separator(text, end);
  if (!at) return std::nullopt;
  NamedValue out{.begin = *at, .end = *at};
  while (out.end < text.size() && out.end - out.begin < kValueMax &&
         value[static_cast<unsigned char>(text[out.end])])
    ++out.end;
  if (!is_size(rule.sizes, out.end - out.begin)) return std::nullopt;
  // A run that other letters or digits go on is another kind of value.
  if (out.end < text.size() && (is_letter(text[out.end]) || is_digit(text[out.end]))) return std::nullopt;
  return out;
}

}  // namespace sallyport::formats
