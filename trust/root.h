// The trust root: which keys there are, which roles they hold and how many of them a role needs.
//
// root.json is TUF-like: {"signatures": [{"keyid", "sig"}], "signed": {"expires", "keys", "logOrigin",
// "roles", "version"}}, signed over canonical(signed) by a threshold of its own root role. The file has
// exactly one spelling (pretty-printed, sorted), so a change of any byte is refused. Expiry is judged against
// one time that the caller fixes at its start. A Root is immutable once loaded and may be read from any
// thread.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "trust/keys.h"

namespace sallyport::trust {

namespace role {
inline constexpr std::string_view kRoot = "root";
inline constexpr std::string_view kRunner = "runner";
inline constexpr std::string_view kProducer = "producer";
inline constexpr std::string_view kLead = "lead";
inline constexpr std::string_view kAudit = "audit";
inline constexpr std::string_view kEvaluator = "evaluator";
inline constexpr std::string_view kRegistrar = "registrar";
inline constexpr std::string_view kApprover = "approver";
inline constexpr std::string_view kLog = "log";
}  // namespace role

struct RootKey {
  std::string name = {};  // "lead": for people; the key id is what counts
  PublicKey key;
};

struct Role {
  std::set<std::string> keyids = {};  // a set: a key counts once
  std::size_t threshold = 1;
};

struct RootContent {
  std::int64_t version = 1;
  std::int64_t expires_unix_s = 0;
  std::string log_origin = {};
  std::map<std::string, RootKey> keys = {};  // by key id
  std::map<std::string, Role, std::less<>> roles = {};
};

class Root {
 public:
  // Checks spelling, closed schema, references, thresholds and its own signatures. Expiry is asked for apart,
  // so that a past state can be judged at its time.
  static Result<Root> parse(BytesView file);
  static Result<Root> load(Env& env, const fs::path& path);
  // The successor of `this`: version exactly one up, signed by a threshold of the old and of the new root
  // role.
  Result<Root> advance(BytesView file) const;

  const RootContent& content() const { return content_; }
  std::int64_t version() const { return content_.version; }
  const std::string& log_origin() const { return content_.log_origin; }
  Result<void> check_unexpired(std::int64_t now_unix_s) const;

  // nullptr when there is none.
  const Role* find_role(std::string_view name) const;
  const PublicKey* find_key(std::string_view keyid) const;
  // The key's name in the root, or a shortened key id.
  std::string name_of_key(std::string_view keyid) const;
  std::vector<std::string> roles_of(std::string_view keyid) const;
  // Public keys that hold the role; empty when the role does not exist.
  std::vector<PublicKey> keys_of(std::string_view role_name) const;
  // How many of `keyids`, each counted once, hold the role, against its threshold. An unknown role is
  // refused.
  Result<void> check_threshold(std::string_view role_name, const std::set<std::string>& keyids) const;

 private:
  RootContent content_;
};

// The file's bytes: `content`, signed by each of `signers`.
Result<std::string> sign_root(const RootContent& content, std::span<const PrivateKey> signers);

}  // namespace sallyport::trust
