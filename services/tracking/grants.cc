#include "services/tracking/grants.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "core/yaml.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::array kVerbs{Verb::kRead, Verb::kWrite, Verb::kDelete, Verb::kPromote, Verb::kAdmin};
// A principal who asks for what it may not see, or for what is not there, pays as for so many requests.
constexpr double kCostOfRefusal = 20;
constexpr std::string_view kTokenPrefix = "sp_";
constexpr std::int64_t kTokenLifeSoonS = 14LL * 24 * 3600;

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

Result<Verb> verb_named(const std::string& name) {
  for (const Verb verb : kVerbs) {
    if (name_of(verb) == name) return verb;
  }
  return invalid("may: " + shown(name) + " is not one of read, write, delete, promote, administer");
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
  TRY(only_members(item, {"roles", "tokens"}));
  PrincipalRules out;
  if (item.contains("roles")) out.roles = TRY(names_in(item, "roles"));
  if (!item.contains("tokens")) return out;
  for (const Json& token : TRY(get_array(item, "tokens"))) {
    TRY(only_members(token, {"sha256", "expires"}));
    const Digest digest = TRY(Digest::parse(TRY(get_string(token, "sha256"))));
    out.tokens.push_back({digest, TRY(parse_time(TRY(get_string(token, "expires"))))});
  }
  return out;
}

bool fits(std::string_view pattern, std::string_view name) {
  if (!pattern.ends_with('*')) return pattern == name;
  return name.starts_with(pattern.substr(0, pattern.size() - 1));
}

// What refills at a steady rate up to a minute's worth.
class Bucket {
 public:
  explicit Bucket(double per_minute) : per_minute_(per_minute), left_(per_minute) {}
  bool take(double amount, double now_s) {
    left_ = std::min(per_minute_, left_ + (now_s - at_s_) * per_minute_ / 60);
    at_s_ = now_s;
    if (left_ < 0) return false;
    left_ -= amount;
    return true;
  }

 private:
  double per_minute_;
  double left_;
  double at_s_ = 0;
};

struct Spending {
  Bucket requests;
  Bucket megabytes;
};

double now_s() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Granted : public Access {
 public:
  Granted(Env& env, AccessRules rules) : env_(env), rules_(std::move(rules)) {
    for (const auto& [name, principal] : rules_.principals) {
      for (const Token& token : principal.tokens)
        owners_.emplace(token.sha256, Owner{name, token.expires_unix_s});
    }
  }

  Result<Principal> authenticate(const http::Request& request) override {
    const std::string_view header = request.header("Authorization");
    const auto unknown = [] { return denied_to_know("no credentials that this server knows"); };
    if (header.starts_with("Bearer ")) return owner_of(header.substr(7), "");
    if (!header.starts_with("Basic ")) return unknown();
    const auto decoded = from_base64(header.substr(6));
    if (!decoded) return unknown();
    const std::string_view pair = as_text(*decoded);
    const std::size_t colon = pair.find(':');
    if (colon == std::string_view::npos) return unknown();
    return owner_of(pair.substr(colon + 1), pair.substr(0, colon));
  }

  bool allows(const Principal& principal, Verb verb, const Resource& resource) override {
    return !rules_.role_that_allows(principal.name, verb, resource).empty();
  }

  Result<void> spend(const Principal& principal, Outcome outcome, std::uint64_t bytes) override {
    const std::scoped_lock lock(mutex_);
    auto found = spending_.find(principal.name);
    if (found == spending_.end()) {
      const Spending fresh{Bucket(rules_.requests_per_minute), Bucket(rules_.megabytes_per_minute)};
      found = spending_.emplace(principal.name, fresh).first;
    }
    const double cost = outcome == Outcome::kAsked ? 1 : outcome == Outcome::kRefused ? kCostOfRefusal : 0;
    const bool asked = found->second.requests.take(cost, now_s());
    const bool sent = found->second.megabytes.take(static_cast<double>(bytes) / 1e6, now_s());
    if (asked && sent) return {};
    return fail(ErrorKind::kLimit, shown(principal.name) + " has used up its budget for this minute",
                std::string(kBudgetSpent));
  }

 private:
  struct Owner {
    std::string name;
    std::int64_t expires_unix_s = 0;
  };

  static std::unexpected<Error> denied_to_know(const std::string& why) {
    return fail(ErrorKind::kDenied, why);
  }

  // A look-up by the digest of what was sent takes no longer for a near miss.
  Result<Principal> owner_of(std::string_view token, std::string_view claimed) const {
    const auto found = owners_.find(sha256(token));
    const bool known = found != owners_.end() && (claimed.empty() || claimed == found->second.name);
    if (!known) return denied_to_know("no credentials that this server knows");
    if (found->second.expires_unix_s <= env_.now_unix_s()) return denied_to_know("the token has expired");
    return Principal{found->second.name};
  }

  Env& env_;
  AccessRules rules_;
  std::map<Digest, Owner> owners_;
  std::mutex mutex_;
  std::map<std::string, Spending> spending_;  // of known principals alone, so it stays small
};

}  // namespace

bool Grant::covers(Verb verb, const Resource& resource) const {
  return resource.kind == kind && may.contains(verb) &&
         std::ranges::any_of(patterns, [&](const std::string& one) { return fits(one, resource.name); });
}

std::string AccessRules::role_that_allows(const std::string& principal, Verb verb,
                                          const Resource& resource) const {
  const auto found = principals.find(principal);
  if (found == principals.end()) return {};
  for (const std::string& name : found->second.roles) {
    const auto role = roles.find(name);
    if (role == roles.end()) continue;
    if (std::ranges::any_of(role->second, [&](const Grant& grant) { return grant.covers(verb, resource); })) {
      return name;
    }
  }
  return {};
}

Result<AccessRules> parse_access(const Json& section) {
  AccessRules rules;
  TRY(only_members(section, {"roles", "principals", "budget"}));
  if (section.contains("roles")) {
    const Json roles = TRY(get_object(section, "roles"));
    for (const auto& [name, grants] : roles.items()) {
      if (!grants.is_array())
        return invalid("access: role " + shown(name) + ": a list of grants was expected");
      for (const Json& item : grants) rules.roles[name].push_back(TRY(parse_grant(item)));
    }
  }
  if (section.contains("principals")) {
    const Json principals = TRY(get_object(section, "principals"));
    for (const auto& [name, item] : principals.items()) {
      PrincipalRules principal = TRY(parse_principal(item));
      for (const std::string& role : principal.roles) {
        if (!rules.roles.contains(role))
          return invalid("access: " + shown(name) + " has no role " + shown(role));
      }
      rules.principals[name] = std::move(principal);
    }
  }
  if (!section.contains("budget")) return rules;
  const Json budget = TRY(get_object(section, "budget"));
  TRY(only_members(budget, {"requests-per-minute", "megabytes-per-minute"}));
  if (budget.contains("requests-per-minute")) {
    rules.requests_per_minute = TRY(get_number(budget, "requests-per-minute"));
  }
  if (budget.contains("megabytes-per-minute")) {
    rules.megabytes_per_minute = TRY(get_number(budget, "megabytes-per-minute"));
  }
  if (rules.requests_per_minute <= 0 || rules.megabytes_per_minute <= 0) {
    return invalid("access: a budget is more than 0");
  }
  return rules;
}

Result<AccessRules> load_access(Env& env, const fs::path& policy_file) {
  if (!env.exists(policy_file)) return AccessRules{};
  const Bytes text = TRY(env.read_file(policy_file, limits::kYamlBytesMax));
  const Json root = TRY(parse_yaml(as_text(text), policy_file.string()));
  if (!root.is_object() || !root.contains("access")) return AccessRules{};
  auto rules = parse_access(root["access"]);
  if (!rules) return within(policy_file.string(), rules.error());
  return rules;
}

std::vector<std::string> audit_access(const AccessRules& rules, std::int64_t now_unix_s) {
  std::vector<std::string> out;
  for (const auto& [name, grants] : rules.roles) {
    const bool held = std::ranges::any_of(rules.principals, [&](const auto& one) {
      return std::ranges::find(one.second.roles, name) != one.second.roles.end();
    });
    if (!held) out.push_back("role " + name + " is held by nobody");
    for (const Grant& grant : grants) {
      const bool all = std::ranges::find(grant.patterns, "*") != grant.patterns.end();
      const bool reads_only = grant.may == std::set{Verb::kRead};
      if (all && !reads_only) {
        out.push_back("role " + name + " may more than read on every " +
                      (grant.kind == Kind::kModel ? "model" : "experiment"));
      }
      if (grant.may.contains(Verb::kWrite) && grant.may.contains(Verb::kPromote)) {
        out.push_back("role " + name + " may both register and promote the same models");
      }
    }
  }
  for (const auto& [name, principal] : rules.principals) {
    if (principal.roles.empty()) out.push_back("principal " + name + " has no role");
    if (principal.tokens.empty()) out.push_back("principal " + name + " has no credentials");
    for (const Token& token : principal.tokens) {
      const std::string which = "a token of " + name + " (sha256 " + token.sha256.brief() + ")";
      if (token.expires_unix_s <= now_unix_s) {
        out.push_back(which + " has expired");
      } else if (token.expires_unix_s > now_unix_s + 366LL * 24 * 3600) {
        out.push_back(which + " lives longer than a year");
      } else if (token.expires_unix_s < now_unix_s + kTokenLifeSoonS) {
        out.push_back(which + " expires within two weeks");
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

std::unique_ptr<Access> granted(Env& env, AccessRules rules) {
  return std::make_unique<Granted>(env, std::move(rules));
}

std::string new_token(Env& env) {
  std::array<std::uint8_t, 32> bytes{};
  env.random(bytes);
  return std::string(kTokenPrefix) + to_hex(bytes);
}

}  // namespace sallyport::services::tracking
