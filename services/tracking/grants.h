// Who may do what, as the `access` section of policy.yaml says: deny by default.
//
//   access:
//     roles:
//       trainer: [{may: [read, write], experiments: ["digits*"]}, {may: [read], models: ["*"]}]
//       approver: [{may: [read, promote], models: [digits]}]
//     principals:
//       ana: {roles: [trainer], tokens: [{sha256: 9f2c..., expires: 2027-01-31}]}
//       ben: {roles: [approver], identities: [{issuer: "https://id.example", subject: ben}]}
//       bot: {roles: [trainer], certificates: ["CN=bot,O=Example"]}
//     issuers:
//       - {name: "https://id.example", audience: sallyport, algorithms: [ES256], keys: keys.json}
//     budget: {requests-per-minute: 600, megabytes-per-minute: 4096, names-per-hour: 200}
//
// A token is proved as a bearer, or as the password of basic authentication for clients that know nothing
// else. Only its SHA-256 is kept; it is random, so that suffices. An identity is proved by a token of its
// issuer (jwt.h), a certificate by the handshake of TLS; one that is shown with a token counts for nothing,
// and two tokens in one request are refused. A pattern is a name, a beginning with '*', or '*'. What is
// refused or not found costs a principal twenty requests of its budget: whoever walks through names is slowed
// down long before it finds any. Safe from any thread.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "services/tracking/access.h"
#include "services/tracking/jwt.h"
#include "services/tracking/uses.h"

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
  std::vector<jwt::Identity> identities = {};
  std::vector<std::string> certificates = {};  // subjects in the form of RFC 2253
};

struct AccessRules {
  std::map<std::string, std::vector<Grant>> roles = {};
  std::map<std::string, PrincipalRules> principals = {};
  std::vector<jwt::Issuer> issuers = {};
  double requests_per_minute = 600;
  double megabytes_per_minute = 4096;
  double names_per_hour = 200;

  // The role through which a principal may, or "".
  std::string role_that_allows(const std::string& principal, Verb verb, const Resource& resource) const;
};
// `section` is the value of `access`; a key that is not known is an Error.
Result<AccessRules> parse_access(const Json& section);
// The section of `policy_file`, beside which key sets lie; no file or no section: nobody may do anything.
Result<AccessRules> load_access(Env& env, const fs::path& policy_file);

// Whether a name fits a pattern of a grant.
bool fits(std::string_view pattern, std::string_view name);

// Who may do what to which names, through which role, and when it was last done.
struct Reach {
  std::string principal = {};
  Verb verb = Verb::kRead;
  Kind kind = Kind::kExperiment;
  std::string pattern = {};
  std::string role = {};
  std::int64_t last_used_unix_s = 0;  // the day; 0: not that the record knows
  auto operator<=>(const Reach&) const = default;
};
// Of all principals, sorted.
std::vector<Reach> reach_of(const AccessRules& rules, const UseRecord& uses = {});

// What is wide open, held twice over, not used for three months (or since the record began), or about to end:
// a sentence each, sorted.
std::vector<std::string> audit_access(const AccessRules& rules, std::int64_t now_unix_s,
                                      const UseRecord& uses = {});

// `on_alarm` is told once in an hour and principal whose breadth is unusual; it may be called from any
// thread.
using OnAlarm = std::function<void(const std::string& principal, const std::string& what)>;
// `uses`, which may be absent, is told of what was allowed.
std::unique_ptr<Access> granted(Env& env, AccessRules rules, OnAlarm on_alarm = {},
                                std::unique_ptr<Uses> uses = {});

// 32 random bytes as text, to be shown once.
std::string new_token(Env& env);

}  // namespace sallyport::services::tracking
