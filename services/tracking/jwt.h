// JSON Web Tokens of an identity provider (RFC 7519, 7515, 7517, 8037): who somebody else says is asking.
//
// RS256, ES256 and EdDSA with Ed25519, and of these only what the policy allows an issuer. The key alone says
// which algorithm it is for; what a token's header claims must agree with it, so that no public key is ever
// taken for a secret. No key is taken from a token, and `kid` is only compared. A token must name its issuer,
// its audience, its subject and its end. Checker may be used from any thread; the rest are values.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::services::tracking::jwt {

enum class Algorithm : std::uint8_t { kRs256, kEs256, kEdDsa };
Result<Algorithm> algorithm_named(std::string_view name);

struct Issuer {
  std::string name = {};      // as `iss` has it
  std::string audience = {};  // one of `aud`
  std::set<Algorithm> algorithms = {};
  std::string keys = {};  // where its JWK set is: a file, or an address with https
};

struct Key {
  std::string id = {};  // "" when it has none
  Algorithm algorithm = Algorithm::kEs256;
  std::shared_ptr<void> key = {};  // EVP_PKEY
};
// The keys of a JWK set that sign with one of ours; others are passed over. RSA has 2,048 bits at least.
Result<std::vector<Key>> parse_key_set(std::string_view text);

struct Identity {
  std::string issuer = {};
  std::string subject = {};
  auto operator<=>(const Identity&) const = default;
};
// The issuer that a token names, before anything of it is proved.
Result<std::string> claimed_issuer(std::string_view token);
// ErrorKind::kNotFound when no key has the token's `kid`; kDenied for whatever else is wrong with it.
Result<Identity> check(std::string_view token, const Issuer& issuer, const std::vector<Key>& keys,
                       std::int64_t now_unix_s);

// Reads key sets when they are first needed, keeps them for ten minutes, and asks again for a `kid` that it
// does not know, once a minute at most. When a set cannot be had the old one holds for a day.
class Checker {
 public:
  Checker(Env& env, std::vector<Issuer> issuers) : env_(env), issuers_(std::move(issuers)) {}
  Result<Identity> check(std::string_view token);

 private:
  struct Cached {
    std::shared_ptr<const std::vector<Key>> keys = {};
    std::int64_t read_at = 0;
    std::int64_t tried_at = 0;
  };
  Result<std::shared_ptr<const std::vector<Key>>> keys_of(const Issuer& issuer, std::int64_t not_older_than);
  Result<std::vector<Key>> read(const Issuer& issuer);

  Env& env_;
  std::vector<Issuer> issuers_;
  std::mutex mutex_;
  std::map<std::string, Cached> cached_ = {};
};

}  // namespace sallyport::services::tracking::jwt
