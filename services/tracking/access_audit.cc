// What an audit of the `access` section of a policy says.
#include <algorithm>

#include "services/tracking/grants.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::int64_t kDayS = 24 * 3600;
constexpr std::int64_t kTokenLifeSoonS = 14 * kDayS;
constexpr std::int64_t kTokenLifeLongS = 366 * kDayS;
constexpr std::int64_t kUnusedS = 90 * kDayS;

std::string_view plural(Kind kind) { return kind == Kind::kModel ? "models" : "experiments"; }

// Whether some name fits both.
bool overlap(std::string_view a, std::string_view b) {
  const auto beginning = [](std::string_view pattern) { return pattern.substr(0, pattern.size() - 1); };
  if (a.ends_with('*') && b.ends_with('*')) {
    return beginning(a).starts_with(beginning(b)) || beginning(b).starts_with(beginning(a));
  }
  return fits(a, b) || fits(b, a);
}

void audit_roles(const AccessRules& rules, std::vector<std::string>& out) {
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
}

void audit_credentials(const AccessRules& rules, std::int64_t now_unix_s, std::vector<std::string>& out) {
  for (const auto& [name, principal] : rules.principals) {
    if (principal.roles.empty()) out.push_back("principal " + name + " has no role");
    if (principal.tokens.empty() && principal.identities.empty() && principal.certificates.empty())
      out.push_back("principal " + name + " has no credentials");
    for (const Token& token : principal.tokens) {
      const std::string which = "a token of " + name + " (sha256 " + token.sha256.brief() + ")";
      if (token.expires_unix_s <= now_unix_s) {
        out.push_back(which + " has expired");
      } else if (token.expires_unix_s > now_unix_s + kTokenLifeLongS) {
        out.push_back(which + " lives longer than a year");
      } else if (token.expires_unix_s < now_unix_s + kTokenLifeSoonS) {
        out.push_back(which + " expires within two weeks");
      }
    }
  }
}

// What no single role allows and two together do.
void audit_together(const std::vector<Reach>& reach, std::vector<std::string>& out) {
  std::set<std::string> seen;
  for (const Reach& a : reach) {
    for (const Reach& b : reach) {
      const bool both = a.principal == b.principal && a.role != b.role && a.kind == Kind::kModel &&
                        b.kind == Kind::kModel && a.verb == Verb::kWrite && b.verb == Verb::kPromote;
      if (!both || !overlap(a.pattern, b.pattern) || !seen.insert(a.principal).second) continue;
      out.push_back("principal " + a.principal + " may register models " + a.pattern + " as " + a.role +
                    " and promote models " + b.pattern + " as " + b.role);
    }
  }
}

void audit_uses(const std::vector<Reach>& reach, const UseRecord& uses, std::int64_t now_unix_s,
                std::vector<std::string>& out) {
  if (uses.since_unix_s == 0) return;
  const std::int64_t from = std::max(uses.since_unix_s, now_unix_s - kUnusedS);
  for (const Reach& one : reach) {
    if (one.last_used_unix_s >= from) continue;
    out.push_back("principal " + one.principal + " has made no use since " + format_time(from).substr(0, 10) +
                  " of its leave to " + std::string(name_of(one.verb)) + " " + std::string(plural(one.kind)) +
                  " " + one.pattern + ", as " + one.role);
  }
}

}  // namespace

std::vector<Reach> reach_of(const AccessRules& rules, const UseRecord& uses) {
  std::vector<Reach> out;
  for (const auto& [name, principal] : rules.principals) {
    for (const std::string& role : principal.roles) {
      for (const Grant& grant : rules.roles.at(role)) {
        for (const Verb verb : grant.may) {
          for (const std::string& pattern : grant.patterns) {
            out.push_back({name, verb, grant.kind, pattern, role, 0});
          }
        }
      }
    }
  }
  for (const auto& [use, last] : uses.last_unix_s) {
    for (Reach& one : out) {
      if (use.principal == one.principal && use.verb == one.verb && use.resource.kind == one.kind &&
          fits(one.pattern, use.resource.name)) {
        one.last_used_unix_s = std::max(one.last_used_unix_s, last);
      }
    }
  }
  std::ranges::sort(out);
  return out;
}

std::vector<std::string> audit_access(const AccessRules& rules, std::int64_t now_unix_s,
                                      const UseRecord& uses) {
  std::vector<std::string> out;
  const std::vector<Reach> reach = reach_of(rules, uses);
  audit_roles(rules, out);
  audit_credentials(rules, now_unix_s, out);
  audit_together(reach, out);
  audit_uses(reach, uses, now_unix_s, out);
  std::ranges::sort(out);
  return out;
}

}  // namespace sallyport::services::tracking
