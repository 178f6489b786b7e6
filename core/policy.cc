#include "core/policy.h"

#include <algorithm>

#include "core/env.h"
#include "core/yaml.h"

namespace sallyport {
namespace {

Result<Severity> read_severity(const Json& object, std::string_view name) {
  const std::string text = TRY(get_string(object, name));
  if (const auto severity = severity_named(text)) return *severity;
  return invalid(std::string(name) + ": '" + text + "' is not one of info, low, medium, high, critical");
}

Result<std::vector<std::string>> read_names(const Json& object, std::string_view name) {
  std::vector<std::string> out;
  for (const Json& item : TRY(get_array(object, name))) {
    if (!item.is_string()) return invalid(std::string(name) + ": a list of names was expected");
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<Stage> read_stage(const std::string& name) {
  if (const auto stage = stage_named(name)) return *stage;
  return invalid("'" + name + "' is not a stage", "run `sallyport threats` to see the sixteen stages");
}

Result<void> read_stages(const Json& stages, Policy& policy) {
  for (const auto& [name, rule] : stages.items()) {
    const Stage stage = TRY(read_stage(name));
    TRY(only_members(rule, {"require", "block-at"}));
    StagePolicy out;
    if (rule.contains("require")) out.require = TRY(read_names(rule, "require"));
    if (rule.contains("block-at")) out.block_at = TRY(read_severity(rule, "block-at"));
    policy.stages[stage] = std::move(out);
  }
  return {};
}

Result<void> read_thresholds(const Json& thresholds, Policy& policy) {
  for (const auto& [guard, values] : thresholds.items()) {
    if (!values.is_object()) return invalid("thresholds: " + guard + ": names with numbers were expected");
    for (const auto& [name, value] : values.items()) {
      if (!value.is_number()) return invalid("thresholds: " + guard + ": " + name + " must be a number");
      policy.thresholds[guard][name] = value.get<double>();
    }
  }
  return {};
}

Result<Waiver> read_waiver(const Json& item) {
  TRY(only_members(item, {"guard", "path", "owner", "reason", "expires"}));
  Waiver waiver{.guard = TRY(get_string(item, "guard")),
                .path = item.contains("path") ? TRY(get_string(item, "path")) : "",
                .owner = TRY(get_string(item, "owner")),
                .reason = TRY(get_string(item, "reason")),
                .expires_unix_s = TRY(parse_time(TRY(get_string(item, "expires"))))};
  if (waiver.owner.empty() || waiver.reason.empty()) return invalid("a waiver needs an owner and a reason");
  return waiver;
}

Result<Policy> read_policy(const Json& root) {
  Policy policy;
  if (root.is_null()) return policy;
  TRY(only_members(root, {"block-at", "stages", "thresholds", "waivers", "chain", "approvals", "access"}));
  if (root.contains("block-at")) policy.block_at = TRY(read_severity(root, "block-at"));
  if (root.contains("stages")) TRY(read_stages(TRY(get_object(root, "stages")), policy));
  if (root.contains("thresholds")) TRY(read_thresholds(TRY(get_object(root, "thresholds")), policy));
  if (root.contains("waivers")) {
    for (const Json& item : TRY(get_array(root, "waivers"))) policy.waivers.push_back(TRY(read_waiver(item)));
  }
  if (root.contains("chain")) {
    const Json chain = TRY(get_object(root, "chain"));
    TRY(only_members(chain, {"require"}));
    for (const std::string& name : TRY(read_names(chain, "require"))) {
      policy.chain_require.push_back(TRY(read_stage(name)));
    }
  }
  if (root.contains("approvals")) {
    const Json approvals = TRY(get_object(root, "approvals"));
    TRY(only_members(approvals, {"protected", "count"}));
    if (approvals.contains("protected")) policy.protected_aliases = TRY(read_names(approvals, "protected"));
    if (approvals.contains("count")) {
      const std::int64_t count = TRY(get_int(approvals, "count"));
      if (count < 1 || count > 16) return invalid("approvals: count must be from 1 to 16");
      policy.approvals = static_cast<int>(count);
    }
  }
  return policy;
}

}  // namespace

Severity Policy::blocks_at(Stage stage) const {
  const auto rule = stages.find(stage);
  return rule != stages.end() && rule->second.block_at ? *rule->second.block_at : block_at;
}

Result<Parameters> Policy::parameters_for(const Guard& guard) const {
  Parameters parameters(guard.parameters);
  const auto rule = thresholds.find(std::string(guard.id));
  if (rule == thresholds.end()) return parameters;
  for (const auto& [name, value] : rule->second) {
    if (auto set = parameters.set(name, value); !set) {
      return within("policy: thresholds: " + std::string(guard.id), set.error());
    }
  }
  return parameters;
}

const Waiver* Policy::waiver_for(const Guard& guard, const Finding& finding, std::int64_t now_unix_s) const {
  for (const Waiver& waiver : waivers) {
    const bool covers =
        waiver.guard == guard.id && (waiver.path.empty() || waiver.path == finding.where.path);
    if (covers && now_unix_s < waiver.expires_unix_s) return &waiver;
  }
  return nullptr;
}

Result<Policy> parse_policy(std::string_view yaml, const std::string& place) {
  const Json root = TRY(parse_yaml(yaml, place));
  Result<Policy> policy = read_policy(root);
  if (!policy) return within(place, policy.error());
  policy->digest = sha256(yaml);
  return policy;
}

}  // namespace sallyport
