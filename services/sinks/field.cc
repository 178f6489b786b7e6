#include "services/sinks/field.h"

#include <algorithm>
#include <array>

#include "core/bytes.h"
#include "core/text.h"

namespace sallyport::services::sinks {
namespace {

constexpr std::size_t kWordBytesMax = 128;
constexpr std::size_t kNumberBytesMax = 40;
constexpr std::size_t kImageBytesMax = 255;
constexpr std::size_t kVersionDigitsMax = 18;
constexpr std::string_view kDigestPrefix = "sha256:";

struct GrammarName {
  Grammar grammar;
  std::string_view name;
};
constexpr std::array kNames{GrammarName{Grammar::kWord, "word"}, GrammarName{Grammar::kNumber, "number"},
                            GrammarName{Grammar::kDigest, "digest"}, GrammarName{Grammar::kImage, "image"},
                            GrammarName{Grammar::kVersion, "version"}};

bool is_lower(char c) { return c >= 'a' && c <= 'z'; }

bool is_word(std::string_view text) {
  if (text.empty() || text.size() > kWordBytesMax || (!is_letter(text[0]) && !is_digit(text[0])))
    return false;
  return std::ranges::all_of(
      text, [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

// How many digits stand at the front.
std::size_t digits_at(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_digit) - text.begin());
}

// RFC 8259, section 6.
bool is_number(std::string_view text) {
  if (text.size() > kNumberBytesMax) return false;
  if (text.starts_with('-')) text.remove_prefix(1);
  const std::size_t whole = digits_at(text);
  if (whole == 0 || (whole > 1 && text[0] == '0')) return false;
  text.remove_prefix(whole);
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    const std::size_t part = digits_at(text);
    if (part == 0) return false;
    text.remove_prefix(part);
  }
  if (text.starts_with('e') || text.starts_with('E')) {
    text.remove_prefix(1);
    if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
    const std::size_t power = digits_at(text);
    if (power == 0) return false;
    text.remove_prefix(power);
  }
  return text.empty();
}

bool is_digest(std::string_view text) {
  if (text.starts_with(kDigestPrefix)) text.remove_prefix(kDigestPrefix.size());
  return text.size() == 64 &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

// Letters, digits and single separators between them.
bool is_component(std::string_view text) {
  const auto is_plain = [](char c) { return is_lower(c) || is_digit(c); };
  if (text.empty() || !is_plain(text.front()) || !is_plain(text.back())) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i])) continue;
    const bool separates = text[i] == '.' || text[i] == '_' || text[i] == '-';
    if (!separates || !is_plain(text[i - 1])) return false;
  }
  return true;
}

bool is_image(std::string_view text) {
  if (text.size() > kImageBytesMax) return false;
  if (const std::size_t at = text.find('@'); at != std::string_view::npos) {
    const std::string_view digest = text.substr(at + 1);
    if (!digest.starts_with(kDigestPrefix) || !is_digest(digest)) return false;
    text = text.substr(0, at);
  }
  const std::size_t slash = text.rfind('/');
  const std::size_t colon = text.rfind(':');
  if (colon != std::string_view::npos && (slash == std::string_view::npos || colon > slash)) {
    if (!is_word(text.substr(colon + 1))) return false;
    text = text.substr(0, colon);
  }
  for (std::size_t at = 0, part = 0; at <= text.size(); ++part) {
    const std::size_t end = std::min(text.find('/', at), text.size());
    std::string_view name = text.substr(at, end - at);
    // The first of several may be a host with a port.
    if (const std::size_t port = name.find(':'); part == 0 && end < text.size() && port != name.npos) {
      const std::string_view number = name.substr(port + 1);
      if (number.empty() || number.size() > 5 || digits_at(number) != number.size()) return false;
      name = name.substr(0, port);
    }
    if (!is_component(name)) return false;
    at = end + 1;
  }
  return true;
}

bool is_version(std::string_view text) {
  return !text.empty() && text.size() <= kVersionDigitsMax && text[0] != '0' &&
         digits_at(text) == text.size();
}

Result<void> add(Fields& fields, const std::string& name, std::string text) {
  if (!fields.emplace(name, Untrusted(std::move(text))).second)
    return invalid(shown(name) + ": stands twice");
  return {};
}

// Whatever spells itself in one way; lists and objects are no fields.
Result<void> add_plain(Fields& fields, const std::string& name, const Json& value) {
  if (value.is_string()) return add(fields, name, value.get<std::string>());
  if (value.is_number()) return add(fields, name, value.dump());
  return {};
}

Result<void> add_pairs(Fields& fields, const Json& object) {
  for (const char* list : {"tags", "params", "metrics"}) {
    if (!object.contains(list) || !object[list].is_array()) continue;
    for (const Json& pair : object[list]) {
      if (!pair.is_object() || !pair.contains("key") || !pair["key"].is_string() || !pair.contains("value")) {
        return invalid(std::string(list) + ": a key and a value were expected");
      }
      TRY(add_plain(fields, std::string(list) + "." + pair["key"].get<std::string>(), pair["value"]));
    }
  }
  return {};
}

}  // namespace

Result<Grammar> grammar_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name, &GrammarName::name);
  if (found == kNames.end()) {
    return invalid("grammar " + shown(name) + ": word, number, digest, image or version was expected");
  }
  return found->grammar;
}

std::string_view name_of(Grammar grammar) {
  return std::ranges::find(kNames, grammar, &GrammarName::grammar)->name;
}

bool fits(Grammar grammar, std::string_view text) {
  switch (grammar) {
    case Grammar::kWord: return is_word(text);
    case Grammar::kNumber: return is_number(text);
    case Grammar::kDigest: return is_digest(text);
    case Grammar::kImage: return is_image(text);
    case Grammar::kVersion: return is_version(text);
  }
  return false;
}

Result<Typed> Untrusted::typed(Grammar grammar) const {
  if (fits(grammar, text_)) return Typed(grammar, text_);
  return fail(ErrorKind::kDenied, "what is stored is no " + std::string(name_of(grammar)));
}

Result<Fields> fields_of(const Json& answer) {
  // The object that the answer is about: {"run": {"info": …, "data": …}}, {"model_version": …}.
  const Json* object = &answer;
  for (const char* name : {"run", "model_version", "registered_model", "experiment", "logged_model"}) {
    if (answer.is_object() && answer.contains(name)) object = &answer[name];
  }
  if (!object->is_object()) return invalid("a record of a run, a model or a version was expected");
  Fields out;
  TRY(add_pairs(out, *object));
  for (const auto& [name, value] : object->items()) TRY(add_plain(out, name, value));
  for (const char* part : {"info", "data"}) {
    if (!object->contains(part) || !(*object)[part].is_object()) continue;
    TRY(add_pairs(out, (*object)[part]));
    for (const auto& [name, value] : (*object)[part].items()) TRY(add_plain(out, name, value));
  }
  return out;
}

}  // namespace sallyport::services::sinks
