#include "services/tracking/jwt.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>

#include "core/limits/tracking.h"
#include "services/tracking/jwk.h"

namespace sallyport::services::tracking::jwt {
namespace {

constexpr std::size_t kEs256Half = 32;

std::unexpected<Error> bad(const std::string& why) { return fail(ErrorKind::kDenied, "token: " + why); }

struct Parts {
  std::string_view signed_text;  // what the signature is over: header and payload as they were sent
  Json header;
  Json payload;
  Bytes signature;
};

Result<Json> object_in(std::string_view part) {
  const auto bytes = from_base64url(part);
  const auto json = bytes ? parse_json(as_text(*bytes)) : Result<Json>(std::unexpected(bytes.error()));
  if (!json || !json->is_object()) return bad("not a JSON object in base64url");
  return *json;
}

Result<Parts> split(std::string_view token) {
  if (token.size() > limits::kJwtBytesMax) return bad("longer than 8 KiB");
  if (std::ranges::count(token, '.') != 2) return bad("not three parts");
  const std::size_t first = token.find('.');
  const std::size_t second = token.find('.', first + 1);
  Parts out;
  out.signed_text = token.substr(0, second);
  out.header = TRY(object_in(token.substr(0, first)));
  out.payload = TRY(object_in(token.substr(first + 1, second - first - 1)));
  const auto signature = from_base64url(token.substr(second + 1));
  if (!signature || signature->empty()) return bad("no signature in base64url");
  out.signature = *signature;
  return out;
}

// The header may say what it is and which key made it; what would change how it is read is refused.
Result<Algorithm> check_header(const Json& header, const Issuer& issuer) {
  for (const auto& [name, value] : header.items()) {
    if (name == "crit" || name == "b64" || name == "zip") return bad("extensions are not understood");
    if ((name == "alg" || name == "kid" || name == "typ") && !value.is_string())
      return bad(name + " is no text");
  }
  if (!header.contains("alg")) return bad("it names no algorithm");
  if (header.contains("typ")) {
    const std::string& type = header["typ"].get_ref<const std::string&>();
    if (type != "JWT" && type != "at+jwt") return bad("its type is " + shown(type));
  }
  const auto algorithm = algorithm_named(header["alg"].get_ref<const std::string&>());
  if (!algorithm || !issuer.algorithms.contains(*algorithm)) {
    return bad("the algorithm " + shown(header["alg"].get_ref<const std::string&>()) + " is not allowed");
  }
  return *algorithm;
}

// JOSE writes the two numbers of an ECDSA signature one behind the other (RFC 7518, section 3.4).
Bytes der_of(BytesView signature) {
  ECDSA_SIG* pair = ECDSA_SIG_new();
  ECDSA_SIG_set0(pair, BN_bin2bn(signature.data(), kEs256Half, nullptr),
                 BN_bin2bn(signature.data() + kEs256Half, kEs256Half, nullptr));
  std::uint8_t* raw = nullptr;
  const int size = i2d_ECDSA_SIG(pair, &raw);
  ECDSA_SIG_free(pair);
  Bytes out(raw, raw + std::max(size, 0));
  OPENSSL_free(raw);
  return out;
}

bool verifies(const Key& key, std::string_view text, const Bytes& signature) {
  if (key.algorithm == Algorithm::kEs256 && signature.size() != 2 * kEs256Half) return false;
  const Bytes form = key.algorithm == Algorithm::kEs256 ? der_of(signature) : signature;
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = key.algorithm == Algorithm::kEdDsa ? nullptr : EVP_sha256();
  const BytesView message = as_bytes(text);
  const bool good =
      EVP_DigestVerifyInit(context, nullptr, digest, nullptr, static_cast<EVP_PKEY*>(key.key.get())) == 1 &&
      EVP_DigestVerify(context, form.data(), form.size(), message.data(), message.size()) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return good;
}

// Without a `kid` the one key of that algorithm is meant; a choice is not guessed at.
Result<Key> key_for(const Json& header, Algorithm algorithm, const std::vector<Key>& keys) {
  std::vector<Key> fit;
  for (const Key& key : keys) {
    if (key.algorithm != algorithm) continue;
    if (header.contains("kid") && key.id != header["kid"].get_ref<const std::string&>()) continue;
    fit.push_back(key);
  }
  if (fit.empty()) return fail(ErrorKind::kNotFound, "token: no key of its issuer has its kid and algorithm");
  if (fit.size() > 1) return bad("its header does not say which of several keys made it");
  return fit.front();
}

bool names_audience(const Json& claim, const std::string& audience) {
  if (claim.is_string()) return claim.get_ref<const std::string&>() == audience;
  return claim.is_array() && std::ranges::any_of(claim, [&](const Json& one) {
           return one.is_string() && one.get_ref<const std::string&>() == audience;
         });
}

Result<std::optional<double>> time_in(const Json& payload, const char* name) {
  if (!payload.contains(name)) return std::optional<double>();
  if (!payload[name].is_number()) return bad(std::string(name) + " is no time");
  return std::optional<double>(payload[name].get<double>());
}

Result<Identity> check_claims(const Json& payload, const Issuer& issuer, std::int64_t now_unix_s) {
  const auto text = [&](const char* name) {
    return payload.contains(name) && payload[name].is_string() ? payload[name].get<std::string>() : "";
  };
  if (text("iss") != issuer.name) return bad("it is not of this issuer");
  if (!payload.contains("aud") || !names_audience(payload["aud"], issuer.audience)) {
    return bad("it is meant for another audience");
  }
  const auto now = static_cast<double>(now_unix_s);
  const auto expires = TRY(time_in(payload, "exp"));
  if (!expires) return bad("it never ends");
  if (*expires + limits::kJwtLeewayS <= now) return bad("it has expired");
  for (const char* start : {"nbf", "iat"}) {
    const auto time = TRY(time_in(payload, start));
    if (time && *time - limits::kJwtLeewayS > now) return bad("it is not valid yet");
  }
  if (text("sub").empty()) return bad("it names no subject");
  return Identity{issuer.name, text("sub")};
}

}  // namespace

Result<Algorithm> algorithm_named(std::string_view name) {
  if (name == "RS256") return Algorithm::kRs256;
  if (name == "ES256") return Algorithm::kEs256;
  if (name == "EdDSA") return Algorithm::kEdDsa;
  return invalid("algorithm: " + shown(name) + " is not one of RS256, ES256 and EdDSA");
}

Result<std::string> claimed_issuer(std::string_view token) {
  const Parts parts = TRY(split(token));
  const auto found = parts.payload.find("iss");
  if (found == parts.payload.end() || !found->is_string()) return bad("it names no issuer");
  return found->get<std::string>();
}

Result<Identity> check(std::string_view token, const Issuer& issuer, const std::vector<Key>& keys,
                       std::int64_t now_unix_s) {
  const Parts parts = TRY(split(token));
  const Algorithm algorithm = TRY(check_header(parts.header, issuer));
  const Key key = TRY(key_for(parts.header, algorithm, keys));
  if (!verifies(key, parts.signed_text, parts.signature))
    return bad("its signature is not of its issuer's key");
  return check_claims(parts.payload, issuer, now_unix_s);
}

Result<Identity> Checker::check(std::string_view token) {
  const std::string name = TRY(claimed_issuer(token));
  const auto issuer = std::ranges::find(issuers_, name, &Issuer::name);
  if (issuer == issuers_.end()) return bad("its issuer is not known here");
  const std::int64_t now = env_.now_unix_s();
  auto keys = TRY(keys_of(*issuer, now - limits::kKeySetFreshS));
  auto identity = jwt::check(token, *issuer, *keys, now);
  if (!identity && identity.error().kind == ErrorKind::kNotFound) {
    // The issuer may have a new key.
    keys = TRY(keys_of(*issuer, now - limits::kKeySetRetryS));
    identity = jwt::check(token, *issuer, *keys, now);
  }
  if (!identity) return bad(identity.error().message);
  return identity;
}

Result<std::shared_ptr<const std::vector<Key>>> Checker::keys_of(const Issuer& issuer,
                                                                 std::int64_t not_older_than) {
  const std::int64_t now = env_.now_unix_s();
  {
    const std::scoped_lock lock(mutex_);
    Cached& cached = cached_[issuer.name];
    if (cached.keys && cached.read_at > not_older_than) return cached.keys;
    if (cached.tried_at > now - limits::kKeySetRetryS) {
      if (cached.keys && cached.read_at > now - limits::kKeySetHeldS) return cached.keys;
      return bad("the keys of its issuer cannot be had");
    }
    cached.tried_at = now;
  }
  // Without the lock: others go on with the old keys meanwhile.
  auto got = read(issuer);
  const std::scoped_lock lock(mutex_);
  Cached& cached = cached_[issuer.name];
  if (got) {
    cached.keys = std::make_shared<const std::vector<Key>>(std::move(*got));
    cached.read_at = now;
  }
  if (cached.keys && cached.read_at > now - limits::kKeySetHeldS) return cached.keys;
  return bad("the keys of its issuer cannot be had: " + (got ? "" : got.error().message));
}

}  // namespace sallyport::services::tracking::jwt
