// The `access` section of a policy, read.
#include <algorithm>

#include "core/yaml.h"
#include "services/tracking/grants.h"

namespace sallyport::services::tracking {
namespace {

Result<std::vector<std::string>> names_in(const Json& object, std::string_view key) {
  std::vector<std::string> out;
  for (const Json& item : TRY(get_array(object, key))) {
    if (!item.is_string() || item.get_ref<const std::string&>().empty()) {
      return invalid(std::string(key) + ": a list of names was expected");
    }
    out.push_back(item.get<std::string>());
  }
  return out;
}

Result<Grant> parse_grant(const Json& item) {
  TRY(only_members(item, {"may", "experiments", "models"}));
  Grant grant;
  for (const std::string& name : TRY(names_in(item, "may"))) grant.may.insert(TRY(verb_named(name)));
  if (item.contains("experiments") == item.contains("models")) {
    return invalid("a grant is for experiments or for models: one of the two was expected");
  }
  grant.kind = item.contains("models") ? Kind::kModel : Kind::kExperiment;
  grant.patterns = TRY(names_in(item, grant.kind == Kind::kModel ? "models" : "experiments"));
  return grant;
}

Result<PrincipalRules> parse_principal(const Json& item) {
  TRY(only_members(item, {"roles", "tokens", "identities", "certificates"}));
  PrincipalRules out;
  if (item.contains("roles")) out.roles = TRY(names_in(item, "roles"));
  if (item.contains("certificates")) out.certificates = TRY(names_in(item, "certificates"));
  if (item.contains("identities")) {
    for (const Json& identity : TRY(get_array(item, "identities"))) {
      TRY(only_members(identity, {"issuer", "subject"}));
      const std::string issuer = TRY(get_string(identity, "issuer"));
      out.identities.push_back({issuer, TRY(get_string(identity, "subject"))});
    }
  }
  if (!item.contains("tokens")) return out;
  for (const Json& token : TRY(get_array(item, "tokens"))) {
    TRY(only_members(token, {"sha256", "expires"}));
    const Digest digest = TRY(Digest::parse(TRY(get_string(token, "sha256"))));
    out.tokens.push_back({digest, TRY(parse_time(TRY(get_string(token, "expires"))))});
  }
  return out;
}

Result<jwt::Issuer> parse_issuer(const Json& item) {
  TRY(only_members(item, {"name", "audience", "algorithms", "keys"}));
  jwt::Issuer out;
  out.name = TRY(get_string(item, "name"));
  out.audience = TRY(get_string(item, "audience"));
  out.keys = TRY(get_string(item, "keys"));
  for (const std::string& name : TRY(names_in(item, "algorithms"))) {
    out.algorithms.insert(TRY(jwt::algorithm_named(name)));
  }
  if (out.name.empty() || out.audience.empty() || out.keys.empty() || out.algorithms.empty()) {
    return invalid("an issuer has a name, an audience, keys and algorithms");
  }
  return out;
}

Result<void> parse_budget(const Json& budget, AccessRules& rules) {
  TRY(only_members(budget, {"requests-per-minute", "megabytes-per-minute", "names-per-hour"}));
  if (budget.contains("requests-per-minute")) {
    rules.requests_per_minute = TRY(get_number(budget, "requests-per-minute"));
  }
  if (budget.contains("megabytes-per-minute")) {
    rules.megabytes_per_minute = TRY(get_number(budget, "megabytes-per-minute"));
  }
  if (budget.contains("names-per-hour")) rules.names_per_hour = TRY(get_number(budget, "names-per-hour"));
  if (rules.requests_per_minute <= 0 || rules.megabytes_per_minute <= 0 || rules.names_per_hour <= 0) {
    return invalid("access: a budget is more than 0");
  }
  return {};
}

Result<void> parse_principals(const Json& principals, AccessRules& rules) {
  for (const auto& [name, item] : principals.items()) {
    PrincipalRules principal = TRY(parse_principal(item));
    for (const std::string& role : principal.roles) {
      if (!rules.roles.contains(role))
        return invalid("access: " + shown(name) + " has no role " + shown(role));
    }
    for (const jwt::Identity& identity : principal.identities) {
      if (std::ranges::find(rules.issuers, identity.issuer, &jwt::Issuer::name) == rules.issuers.end()) {
        return invalid("access: " + shown(name) + " has an identity of an issuer that is not listed");
      }
    }
    rules.principals[name] = std::move(principal);
  }
  return {};
}

// What proves somebody proves one principal: otherwise who acts would depend on the order of a map.
Result<void> check_unambiguous(const AccessRules& rules) {
  std::set<std::string> seen;
  for (const auto& [name, principal] : rules.principals) {
    std::vector<std::string> proofs = principal.certificates;
    for (const Token& token : principal.tokens) proofs.push_back("sha256:" + token.sha256.hex());
    for (const jwt::Identity& one : principal.identities) proofs.push_back(one.issuer + "\n" + one.subject);
    for (const std::string& proof : proofs) {
      if (!seen.insert(proof).second)
        return invalid("access: a credential of " + shown(name) + " is listed twice");
    }
  }
  return {};
}

}  // namespace

Result<AccessRules> parse_access(const Json& section) {
  AccessRules rules;
  TRY(only_members(section, {"roles", "principals", "issuers", "budget"}));
  if (section.contains("roles")) {
    const Json roles = TRY(get_object(section, "roles"));
    for (const auto& [name, grants] : roles.items()) {
      if (!grants.is_array())
        return invalid("access: role " + shown(name) + ": a list of grants was expected");
      for (const Json& item : grants) rules.roles[name].push_back(TRY(parse_grant(item)));
    }
  }
  if (section.contains("issuers")) {
    for (const Json& item : TRY(get_array(section, "issuers"))) {
      rules.issuers.push_back(TRY(parse_issuer(item)));
    }
  }
  if (section.contains("principals")) {
    TRY(parse_principals(TRY(get_object(section, "principals")), rules));
  }
  TRY(check_unambiguous(rules));
  if (section.contains("budget")) TRY(parse_budget(TRY(get_object(section, "budget")), rules));
  return rules;
}

Result<AccessRules> load_access(Env& env, const fs::path& policy_file) {
  if (!env.exists(policy_file)) return AccessRules{};
  const Bytes text = TRY(env.read_file(policy_file, limits::kYamlBytesMax));
  const Json root = TRY(parse_yaml(as_text(text), policy_file.string()));
  if (!root.is_object() || !root.contains("access")) return AccessRules{};
  auto rules = parse_access(root["access"]);
  if (!rules) return within(policy_file.string(), rules.error());
  for (jwt::Issuer& issuer : rules->issuers) {
    if (issuer.keys.find("://") == std::string::npos) {
      issuer.keys = (policy_file.parent_path() / issuer.keys).string();
    }
  }
  return rules;
}

}  // namespace sallyport::services::tracking
