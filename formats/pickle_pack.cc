#include "formats/pickle_pack.h"

#include <algorithm>

#include "core/limits.h"
#include "core/yaml.h"

namespace sallyport::formats::pickle {
namespace {

constexpr std::pair<std::string_view, std::uint16_t> kWays[] = {
    {"import", kMayImport}, {"call", kMayCall}, {"construct", kMayConstruct},
    {"build", kMayBuild},   {"fill", kMayFill}, {"rebuild", kRebuilds},
    {"pass", kMayBePassed}, {"base", kIsBase},  {"helper", kIsHelper},
};

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// A module or name as a pickle spells it. Anything else in a pack is a slip of its author.
bool is_dotted_name(std::string_view text) {
  bool begins = true;
  for (const char c : text) {
    const bool letter = c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    const bool digit = c >= '0' && c <= '9';
    if (c == '.' ? begins : !letter && (begins || !digit)) return false;
    begins = c == '.';
  }
  return !begins;
}

Result<std::uint16_t> read_ways(const Json& rule) {
  std::uint16_t ways = 0;
  for (const std::string& word : words(TRY(get_string(rule, "ways")))) {
    const auto* const found =
        std::find_if(std::begin(kWays), std::end(kWays), [&](const auto& way) { return way.first == word; });
    if (found == std::end(kWays)) return invalid("unknown way '" + word + "'");
    ways |= found->second;
  }
  if (ways == 0) return invalid("a rule without ways");
  return ways;
}

Result<PackRule> read_rule(const Json& json) {
  TRY(only_members(json, {"ways", "arguments", "state", "keys", "names"}));
  PackRule rule;
  rule.ways = TRY(read_ways(json));
  if (json.contains("arguments")) rule.arguments = TRY(get_string(json, "arguments"));
  if (json.contains("state")) rule.state = TRY(get_string(json, "state"));
  if (json.contains("keys")) rule.keys = words(TRY(get_string(json, "keys")));
  const Json names = TRY(get_object(json, "names"));
  for (const auto& [module, list] : names.items()) {
    if (!is_dotted_name(module)) return invalid("'" + module + "' is no module");
    for (std::string& name : words(TRY(get_string(names, module)))) {
      if (!is_dotted_name(name)) return invalid("'" + name + "' is no name in " + module);
      rule.globals.emplace_back(module, std::move(name));
    }
  }
  if (rule.globals.empty()) return invalid("a rule without names");
  return rule;
}

Result<Pack> read_pack(const Json& json) {
  TRY(only_members(json, {"pack", "version", "from", "rules"}));
  Pack pack;
  pack.name = TRY(get_string(json, "pack"));
  pack.version = TRY(get_int(json, "version"));
  const Json from = TRY(get_array(json, "from"));
  for (const Json& release : from) {
    if (!release.is_string()) return invalid("'from' lists texts");
    pack.from.push_back(release.get<std::string>());
  }
  const Json rules = TRY(get_array(json, "rules"));
  if (rules.size() > limits::kPackRulesMax) return fail(ErrorKind::kLimit, "too many rules");
  std::size_t globals = 0;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Result<PackRule> rule = read_rule(rules[i]);
    if (!rule) return within("rule " + std::to_string(i + 1), std::move(rule.error()));
    globals += rule->globals.size();
    if (globals > limits::kPackGlobalsMax) return fail(ErrorKind::kLimit, "too many globals");
    pack.rules.push_back(std::move(*rule));
  }
  return pack;
}

}  // namespace

Result<Pack> parse_pack(std::string_view text, const std::string& place) {
  const Json json = TRY(parse_yaml(text, place));
  if (!json.is_object()) return invalid(place + ": a pack is a mapping");
  Result<Pack> pack = read_pack(json);
  if (!pack) return within(place, std::move(pack.error()));
  return pack;
}

}  // namespace sallyport::formats::pickle
