#include "formats/version_order.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/text.h"

namespace sallyport::formats {
namespace {

// NumberPlace of any length: without leading zeros the longer one is greater.
std::weak_ordering compare_numbers(std::string_view a, std::string_view b) {
  const auto significant = [](std::string_view text) {
    return text.substr(std::min(text.find_first_not_of('0'), text.size()));
  };
  a = significant(a);
  b = significant(b);
  if (a.size() != b.size()) return a.size() <=> b.size();
  return a.compare(b) <=> 0;
}

std::string_view take_digits(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(end);
  return out;
}

std::string_view take_letters(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_letter(text[end])) ++end;
  const std::string_view out = text.substr(0, end);
  text.remove_prefix(end);
  return out;
}

// PEP 440, "public version identifiers": [N!]N(.N)*[{a|b|rc}N][.postN][.devN][+local].
struct Pep440 {
  std::string_view epoch = "0";
  std::vector<std::string_view> release = {};
  int phase = 3;  // 0: only a development release, 1 to 3: a, b, rc; 4: final
  std::string_view pre = "0";
  int post = 0;  // 1: there is one
  std::string_view post_number = "0";
  int dev = 1;  // 0: there is one, which comes before
  std::string_view dev_number = "0";
  std::string_view local = {};
};

Pep440 read_pep440(std::string_view text) {
  Pep440 out;
  out.phase = 4;
  if (text.starts_with('v')) text.remove_prefix(1);
  if (const std::size_t plus = text.find('+'); plus != std::string_view::npos) {
    out.local = text.substr(plus + 1);
    text = text.substr(0, plus);
  }
  if (const std::size_t mark = text.find('!'); mark != std::string_view::npos) {
    out.epoch = text.substr(0, mark);
    text = text.substr(mark + 1);
  }
  while (!text.empty() && is_digit(text[0])) {
    out.release.push_back(take_digits(text));
    if (text.size() > 1 && text[0] == '.' && is_digit(text[1])) text.remove_prefix(1);
  }
  while (out.release.size() > 1 && out.release.back().find_first_not_of('0') == std::string_view::npos)
    out.release.pop_back();
  while (!text.empty()) {
    text.remove_prefix(std::min(text.find_first_not_of(".-_"), text.size()));
    const std::string word(take_letters(text));
    text.remove_prefix(std::min(text.find_first_not_of(".-_"), text.size()));
    const std::string_view number = take_digits(text);
    if (word.empty() && number.empty()) break;
    if (word == "a" || word == "alpha") {
      out.phase = 1;
      out.pre = number;
    } else if (word == "b" || word == "beta") {
      out.phase = 2;
      out.pre = number;
    } else if (word == "rc" || word == "c" || word == "pre" || word == "preview") {
      out.phase = 3;
      out.pre = number;
    } else if (word == "dev") {
      out.dev = 0;
      out.dev_number = number;
    } else {
      out.post = 1;
      out.post_number = number;
    }
  }
  if (out.phase == 4 && out.post == 0 && out.dev == 0) out.phase = 0;
  return out;
}

enum class NumberPlace : std::uint8_t { kAboveWords, kBelowWords };

// Parts between separators, numbers as numbers.
std::weak_ordering compare_parts(std::string_view a, std::string_view b, std::string_view separators,
                                 NumberPlace numbers) {
  while (!a.empty() || !b.empty()) {
    const std::string_view x = a.substr(0, a.find_first_of(separators));
    const std::string_view y = b.substr(0, b.find_first_of(separators));
    if (a.empty() != b.empty()) return a.empty() ? std::weak_ordering::less : std::weak_ordering::greater;
    const bool x_number = !x.empty() && std::ranges::all_of(x, is_digit);
    const bool y_number = !y.empty() && std::ranges::all_of(y, is_digit);
    if (x_number != y_number) {
      return x_number == (numbers == NumberPlace::kAboveWords) ? std::weak_ordering::greater
                                                               : std::weak_ordering::less;
    }
    const std::weak_ordering order = x_number ? compare_numbers(x, y) : x.compare(y) <=> 0;
    if (order != 0) return order;
    a.remove_prefix(std::min(x.size() + 1, a.size()));
    b.remove_prefix(std::min(y.size() + 1, b.size()));
  }
  return std::weak_ordering::equivalent;
}

std::weak_ordering compare_pep440(std::string_view a, std::string_view b) {
  const std::string low_a = lowered(a), low_b = lowered(b);
  const Pep440 x = read_pep440(low_a), y = read_pep440(low_b);
  if (const auto order = compare_numbers(x.epoch, y.epoch); order != 0) return order;
  for (std::size_t i = 0; i < std::max(x.release.size(), y.release.size()); ++i) {
    const auto order =
        compare_numbers(i < x.release.size() ? x.release[i] : "", i < y.release.size() ? y.release[i] : "");
    if (order != 0) return order;
  }
  if (x.phase != y.phase) return x.phase <=> y.phase;
  if (const auto order = compare_numbers(x.pre, y.pre); order != 0) return order;
  if (x.post != y.post) return x.post <=> y.post;
  if (const auto order = compare_numbers(x.post_number, y.post_number); order != 0) return order;
  if (x.dev != y.dev) return x.dev <=> y.dev;
  if (const auto order = compare_numbers(x.dev_number, y.dev_number); order != 0) return order;
  return compare_parts(x.local, y.local, ".-_", NumberPlace::kAboveWords);
}

// Semantic Versioning 2.0, section 11; build metadata does not count.
std::weak_ordering compare_semver(std::string_view a, std::string_view b) {
  const auto cut = [](std::string_view text) {
    text.remove_prefix(std::min(text.find_first_not_of("v= "), text.size()));
    return text.substr(0, text.find('+'));
  };
  a = cut(a);
  b = cut(b);
  std::string_view core_a = a.substr(0, a.find('-')), core_b = b.substr(0, b.find('-'));
  for (int i = 0; i < 4; ++i) {
    const auto order = compare_numbers(take_digits(core_a), take_digits(core_b));
    if (order != 0) return order;
    if (core_a.starts_with('.')) core_a.remove_prefix(1);
    if (core_b.starts_with('.')) core_b.remove_prefix(1);
  }
  const bool pre_a = a.find('-') != std::string_view::npos, pre_b = b.find('-') != std::string_view::npos;
  if (pre_a != pre_b) return pre_a ? std::weak_ordering::less : std::weak_ordering::greater;
  if (!pre_a) return std::weak_ordering::equivalent;
  return compare_parts(a.substr(a.find('-') + 1), b.substr(b.find('-') + 1), ".", NumberPlace::kBelowWords);
}

// deb-version(7): letters before all else but '~', which is before the end.
int debian_weight(char c) { return c == '~' ? -1 : is_letter(c) ? c : c + 256; }

std::weak_ordering compare_debian_part(std::string_view a, std::string_view b) {
  while (!a.empty() || !b.empty()) {
    while ((!a.empty() && !is_digit(a[0])) || (!b.empty() && !is_digit(b[0]))) {
      const int x = a.empty() || is_digit(a[0]) ? 0 : debian_weight(a[0]);
      const int y = b.empty() || is_digit(b[0]) ? 0 : debian_weight(b[0]);
      if (x != y) return x <=> y;
      if (!a.empty() && !is_digit(a[0])) a.remove_prefix(1);
      if (!b.empty() && !is_digit(b[0])) b.remove_prefix(1);
    }
    const auto order = compare_numbers(take_digits(a), take_digits(b));
    if (order != 0) return order;
  }
  return std::weak_ordering::equivalent;
}

std::weak_ordering compare_debian(std::string_view a, std::string_view b) {
  const auto split = [](std::string_view text) {
    std::array<std::string_view, 3> out{"0", text, "0"};
    if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
      out[0] = text.substr(0, colon);
      out[1] = text.substr(colon + 1);
    }
    if (const std::size_t dash = out[1].rfind('-'); dash != std::string_view::npos) {
      out[2] = out[1].substr(dash + 1);
      out[1] = out[1].substr(0, dash);
    }
    return out;
  };
  const auto x = split(a), y = split(b);
  if (const auto order = compare_numbers(x[0], y[0]); order != 0) return order;
  if (const auto order = compare_debian_part(x[1], y[1]); order != 0) return order;
  return compare_debian_part(x[2], y[2]);
}

// apk: numbers, then a letter, then suffixes of which _alpha to _rc come before the release, then the build.
int alpine_suffix(std::string_view word) {
  constexpr std::array<std::string_view, 4> kBefore{"alpha", "beta", "pre", "rc"};
  const auto found = std::ranges::find(kBefore, word);
  if (found != kBefore.end()) return static_cast<int>(found - kBefore.begin()) - 4;
  return word.empty() ? 0 : 1;
}

std::weak_ordering compare_alpine(std::string_view a, std::string_view b) {
  const auto build = [](std::string_view& text) {
    const std::size_t at = text.rfind("-r");
    const std::string_view out = at == std::string_view::npos ? std::string_view() : text.substr(at + 2);
    text = text.substr(0, at);
    return out;
  };
  const std::string_view build_a = build(a), build_b = build(b);
  std::string_view main_a = a.substr(0, a.find('_')), main_b = b.substr(0, b.find('_'));
  a.remove_prefix(main_a.size());
  b.remove_prefix(main_b.size());
  if (const auto order = compare_debian_part(main_a, main_b); order != 0) return order;
  while (!a.empty() || !b.empty()) {
    if (!a.empty()) a.remove_prefix(1);
    if (!b.empty()) b.remove_prefix(1);
    const int x = alpine_suffix(take_letters(a)), y = alpine_suffix(take_letters(b));
    if (x != y) return x <=> y;
    if (const auto order = compare_numbers(take_digits(a), take_digits(b)); order != 0) return order;
    if ((!a.empty() && a[0] != '_') || (!b.empty() && b[0] != '_')) break;
  }
  return compare_numbers(build_a, build_b);
}

}  // namespace

VersionScheme scheme_of(std::string_view ecosystem) {
  const std::string_view name = ecosystem.substr(0, ecosystem.find(':'));
  if (name == "PyPI") return VersionScheme::kPep440;
  if (name == "npm" || name == "Go" || name == "crates.io" || name == "Bitnami")
    return VersionScheme::kSemver;
  if (name == "Debian" || name == "Ubuntu") return VersionScheme::kDebian;
  return name == "Alpine" ? VersionScheme::kAlpine : VersionScheme::kGeneric;
}

std::weak_ordering compare_versions(VersionScheme scheme, std::string_view a, std::string_view b) {
  switch (scheme) {
    case VersionScheme::kPep440: return compare_pep440(a, b);
    case VersionScheme::kSemver: return compare_semver(a, b);
    case VersionScheme::kAlpine: return compare_alpine(a, b);
    case VersionScheme::kDebian: return compare_debian(a, b);
    case VersionScheme::kGeneric: return compare_debian_part(a, b);
  }
  return std::weak_ordering::equivalent;
}

}  // namespace sallyport::formats
