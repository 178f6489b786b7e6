// Who may do what, as the `access` section of policy.yaml says: deny by default.
//
//   access:
//     roles:
//       trainer: [{may: [read, write], experiments: ["digits*"]}, {may: [read], models: ["*"]}]
//       approver: [{may: [read, promote], models: [digits]}]
//     principals:
//       ana: {roles: [trainer], tokens: [{sha256: 9f2c..., expires: 2027-01-31}]}
//     budget: {requests-per-minute: 600, megabytes-per-minute: 4096}
//
// A token is proved as a bearer, or as the password of basic authentication for clients that know nothing
// else. Only its SHA-256 is kept; it is random, so that suffices. A pattern is a name, a beginning with '*',
// or
// '*'. What is refused or not found costs a principal twenty requests of its budget: whoever walks through
// names is slowed down long before it finds any. Safe from any thread.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "services/tracking/access.h"

namespace sallyport::services::tracking {

struct Grant {
  std::set<Verb> may = {};
  Kind kind = Kind::kExperiment;
  std::vector<std::string> patterns = {};

  bool covers(Verb verb, const Resource& resource) const;
};

struct Token {
  Digest sha256 = {};
  std::int64_t expires_unix_s = 0;
};

struct PrincipalRules {
  std::vector<std::string> roles = {};
  std::vector<Token> tokens = {};
};

struct AccessRules {
  std::map<std::string, std::vector<Grant>> roles = {};
  std::map<std::string, PrincipalRules> principals = {};
  double requests_per_minute = 600;
  double megabytes_per_minute = 4096;

  // The role through which a principal may, or "".
  std::string role_that_allows(const std::string& principal, Verb verb, const Resource& resource) const;
};
// `section` is the value of `access`; a key that is not known is an Error.
Result<AccessRules> parse_access(const Json& section);
// The section of `policy_file`; no file or no section: nobody may do anything.
Result<AccessRules> load_access(Env& env, const fs::path& policy_file);

// What is wide open, never used or about to end: a sentence each, sorted.
std::vector<std::string> audit_access(const AccessRules& rules, std::int64_t now_unix_s);

std::unique_ptr<Access> granted(Env& env, AccessRules rules);

// 32 random bytes as text, to be shown once.
std::string new_token(Env& env);

}  // namespace sallyport::services::tracking
