// YAML: tags that ask a loader to construct objects, in files of that name and in any text that holds them.
#include "formats/yaml_tags.h"

#include <algorithm>
#include <array>

#include "formats/inspect/inspect.h"
#include "formats/inspect/targets.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

bool is_named(const Layer& layer) {
  return layer.name.ends_with(".yaml") || layer.name.ends_with(".yml") || layer.name == "MLmodel";
}

// YAML's parsers take UTF-16 by its mark; its letters are then no ASCII to look for.
bool is_utf16(std::string_view text) { return text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF"); }

bool may_construct(std::string_view text) {
  constexpr std::array<std::string_view, 5> kTags{"!!", "!<", "%TAG", "!ruby/", "!python/"};
  return std::any_of(kTags.begin(), kTags.end(), [&](auto tag) { return text.find(tag) != text.npos; });
}

bool plausible(const Layer& layer) {
  if (layer.role == Role::kTyped || layer.bytes.empty()) return false;
  const std::string_view text = as_text(layer.bytes);
  if (is_named(layer) || is_utf16(text)) return true;
  // No YAML loader takes a NUL, and what is binary has one early.
  constexpr std::size_t kFront = 4096;
  return text.substr(0, kFront).find('\0') == text.npos && may_construct(text) && is_utf8(text);
}

// A loader that constructs what a tag names: PyYAML's, Ruby's Psych, SnakeYAML's classes by their full name.
bool constructs(std::string_view tag) {
  if (tag.starts_with("!ruby/") || tag.starts_with("!python/")) return true;
  return tag.starts_with("tag:") && !is_plain_yaml_tag(tag);
}

// Where each line begins.
std::vector<std::size_t> line_starts(std::string_view text) {
  std::vector<std::size_t> out{0};
  for (std::size_t at = text.find('\n'); at != text.npos; at = text.find('\n', at + 1)) out.push_back(at + 1);
  return out;
}

void observe_tags(Probe& probe, const std::vector<YamlTag>& tags) {
  if (tags.empty()) return;
  const std::vector<std::size_t> starts = line_starts(as_text(probe.bytes()));
  for (const YamlTag& tag : tags) {
    const bool dangerous = constructs(tag.tag);
    if (!dangerous && (!is_named(probe.layer()) || is_plain_yaml_tag(tag.tag))) continue;
    const std::size_t line = tag.line - 1;
    probe.observe({.topic = Topic::kCode,
                   .rule = dangerous ? "yaml-constructs-object" : "yaml-unknown-tag",
                   .severity = dangerous ? Severity::kCritical : Severity::kMedium,
                   .offset = line < starts.size() ? starts[line] : 0,
                   .message = "line " + std::to_string(tag.line) + ": a tag asks the loader to construct " +
                              printable(tag.tag),
                   .remedy = "remove the tag, and read YAML with a loader that constructs plain data alone"});
  }
}

void observe_targets(Probe& probe, const std::vector<YamlPair>& pairs) {
  if (pairs.empty()) return;
  const std::vector<std::size_t> starts = line_starts(as_text(probe.bytes()));
  for (const YamlPair& pair : pairs) {
    judge_target(probe, pair.key, pair.value, pair.line <= starts.size() ? starts[pair.line - 1] : 0);
  }
}

void inspect_yaml(Probe& probe) {
  const std::string_view text = as_text(probe.bytes());
  const bool named = is_named(probe.layer());
  const auto read = yaml_tags(text, is_target_member);
  if (!read) {
    // Only what could be meant as YAML is worth a word: prose and tables are full of exclamation marks.
    if (named) probe.unread(0, text.size(), read.error().message);
    return;
  }
  observe_tags(probe, read->tags);
  if (!named) return;
  observe_targets(probe, read->pairs);
  if (!read->error.empty()) {
    probe.unread(0, text.size(), "yaml: " + read->error);
    return;
  }
  // JSON is YAML too, and is claimed as what it is.
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == text.npos || text[first] == '{' || text[first] == '[') return;
  probe.claim("yaml");
  probe.account(0, text.size());
}

}  // namespace

extern const Inspector yaml_inspector;
const Inspector yaml_inspector{.id = "yaml", .plausible = plausible, .inspect = inspect_yaml};

}  // namespace sallyport::formats::inspect
