#include "formats/secrets.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>

#include "formats/secret_checks.h"
#include "formats/secret_names.h"
#include "formats/secrets_matcher.h"

namespace sallyport::formats {
namespace {

#include "formats/secret_rules.inc"

constexpr std::size_t kEncodedBytesMin = 40;
constexpr std::size_t kEncodedBytesMax = 64 * 1024;

// The characters of a class such as "A-Za-z0-9_" or "^ ;".
CharacterSet characters_of(std::string_view cls) {
  CharacterSet in{};
  const bool inverted = cls.starts_with('^');
  if (inverted) cls.remove_prefix(1);
  for (std::size_t i = 0; i < cls.size(); ++i) {
    const auto first = static_cast<unsigned char>(cls[i]);
    const bool range = i + 2 < cls.size() && cls[i + 1] == '-';
    const auto last = range ? static_cast<unsigned char>(cls[i + 2]) : first;
    for (unsigned c = first; c <= last; ++c) in[c] = true;
    if (range) i += 2;
  }
  // A blank stands for all white space; an inverted class is for text, where control characters end
  // everything.
  for (const char blank : {'\t', '\n', '\r', '\f', '\v'}) in[static_cast<unsigned char>(blank)] = in[' '];
  if (inverted) {
    for (std::size_t c = 0; c < 256; ++c) in[c] = !in[c] && c > ' ';
  }
  return in;
}

const std::vector<CharacterSet>& tails() {
  static const std::vector<CharacterSet> kTails = [] {
    std::vector<CharacterSet> out;
    for (const SecretRule& rule : secret_rules()) out.push_back(characters_of(rule.tail));
    return out;
  }();
  return kTails;
}

struct Match {
  std::size_t begin = 0;
  std::size_t rule = 0;
  std::size_t end = 0;
};

std::size_t extended(std::string_view text, const Match& match) {
  constexpr std::size_t kTokenMax = 8192;
  const CharacterSet& tail = tails()[match.rule];
  std::size_t end = match.end;
  const std::size_t limit = std::min(text.size(), match.end + kTokenMax);
  while (end < limit && tail[static_cast<unsigned char>(text[end])]) ++end;
  return end;
}

Result<std::vector<Secret>> find_plain(std::string_view text) {
  std::vector<Match> matches;
  TRY(match_secret_patterns(text, [&](std::size_t rule, std::size_t from, std::size_t to) {
    if (secret_rules()[rule].words.empty()) {
      matches.push_back({from, rule, to});
    } else if (const auto value = find_named_value(text, secret_rules()[rule], tails()[rule], to)) {
      matches.push_back({value->begin, rule, value->end});
    }
  }));
  // The longest match of each rule from each place: a pattern with a bounded tail matches once for every
  // length.
  std::sort(matches.begin(), matches.end(), [](const Match& a, const Match& b) {
    return std::tuple(a.begin, a.rule, b.end) < std::tuple(b.begin, b.rule, a.end);
  });
  std::vector<Secret> kept;
  for (std::size_t i = 0; i < matches.size(); ++i) {
    if (i > 0 && matches[i].begin == matches[i - 1].begin && matches[i].rule == matches[i - 1].rule) continue;
    Secret secret{.rule = &secret_rules()[matches[i].rule], .offset = matches[i].begin};
    secret.length = extended(text, matches[i]) - secret.offset;
    if (judge_secret(text, secret)) kept.push_back(secret);
  }
  return kept;
}

// Where two overlap, the one with the more specific rule: later rules of the table are the general ones.
std::vector<Secret> without_overlaps(std::vector<Secret> found) {
  std::vector<Secret> out;
  for (const Secret& secret : found) {
    const bool overlaps = !out.empty() && secret.offset < out.back().offset + out.back().length;
    if (!overlaps) {
      out.push_back(secret);
    } else if (secret.rule < out.back().rule) {
      out.back() = secret;
    }
  }
  return out;
}

constexpr std::array<bool, 256> kBase64Bytes = [] {
  std::array<bool, 256> table{};
  for (const char c :
       std::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_")) {
    table[static_cast<unsigned char>(c)] = true;
  }
  return table;
}();

bool is_base64(char c) { return kBase64Bytes[static_cast<unsigned char>(c)]; }

struct Run {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// The next run of base64 that is long enough. Only every kEncodedBytesMin-th byte is looked at until one is
// of base64: a run of that length cannot lie between them.
std::optional<Run> next_run(std::string_view text, std::size_t from) {
  for (std::size_t at = from + kEncodedBytesMin - 1; at < text.size(); at += kEncodedBytesMin) {
    if (!is_base64(text[at])) continue;
    Run run{.begin = at, .end = at + 1};
    while (run.begin > from && is_base64(text[run.begin - 1])) --run.begin;
    while (run.end < text.size() && is_base64(text[run.end])) ++run.end;
    if (run.end - run.begin >= kEncodedBytesMin) return run;
    at = run.end - 1;
  }
  return std::nullopt;
}

// Runs of base64 that decode to text, searched in turn: a Kubernetes secret, an image's environment.
Result<void> find_encoded(std::string_view text, std::vector<Secret>& out) {
  std::size_t from = 0;
  while (const std::optional<Run> found = next_run(text, from)) {
    from = found->end;
    const std::size_t length = found->end - found->begin;
    const std::string_view run = text.substr(found->begin, std::min(length, kEncodedBytesMax));
    if (!decodes_to_text(run.substr(0, kEncodedBytesMin))) continue;
    for (const Secret& inner : without_overlaps(TRY(find_plain(decode_base64_leniently(run))))) {
      Secret secret = inner;
      secret.offset = found->begin;
      secret.length = length;
      secret.encoded = true;
      out.push_back(secret);
    }
  }
  return {};
}

}  // namespace

std::span<const SecretRule> secret_rules() { return kRules; }

Result<std::vector<Secret>> find_secrets(std::string_view text) {
  std::vector<Secret> out = without_overlaps(TRY(find_plain(text)));
  std::vector<Secret> encoded;
  TRY(find_encoded(text, encoded));
  for (const Secret& secret : encoded) {
    const bool known = std::any_of(out.begin(), out.end(), [&](const Secret& other) {
      return secret.offset < other.offset + other.length && other.offset < secret.offset + secret.length;
    });
    if (!known) out.push_back(secret);
  }
  std::stable_sort(out.begin(), out.end(),
                   [](const Secret& a, const Secret& b) { return a.offset < b.offset; });
  return out;
}

}  // namespace sallyport::formats
