#include "services/tracking/jwk.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>

#include "core/limits/tracking.h"
#include "services/http/fetch.h"
#include "services/tracking/jwt.h"

namespace sallyport::services::tracking::jwt {
namespace {

constexpr int kRsaBitsMin = 2048;
constexpr std::size_t kRsaBytesMax = 1024;
constexpr std::size_t kCoordinateBytes = 32;
constexpr std::size_t kEd25519Bytes = 32;

std::shared_ptr<void> own(EVP_PKEY* key) {
  return {key, [](void* raw) { EVP_PKEY_free(static_cast<EVP_PKEY*>(raw)); }};
}

Result<Bytes> number_in(const Json& jwk, std::string_view name) {
  return from_base64url(TRY(get_string(jwk, name)));
}

// Builds a public key of its parameters; a point that is not on its curve is refused by OpenSSL.
Result<std::shared_ptr<void>> build(const char* type, OSSL_PARAM_BLD* parts) {
  OSSL_PARAM* parameters = OSSL_PARAM_BLD_to_param(parts);
  EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr);
  EVP_PKEY* key = nullptr;
  const bool made = parameters != nullptr && EVP_PKEY_fromdata_init(context) == 1 &&
                    EVP_PKEY_fromdata(context, &key, EVP_PKEY_PUBLIC_KEY, parameters) == 1;
  EVP_PKEY_CTX_free(context);
  OSSL_PARAM_free(parameters);
  ERR_clear_error();
  if (!made) return invalid("key set: a key's numbers make no key");
  return own(key);
}

Result<std::shared_ptr<void>> rsa_key(const Json& jwk) {
  const Bytes n = TRY(number_in(jwk, "n"));
  const Bytes e = TRY(number_in(jwk, "e"));
  if (n.size() > kRsaBytesMax || e.size() > 4) return invalid("key set: an RSA key that is too large");
  BIGNUM* modulus = BN_bin2bn(n.data(), static_cast<int>(n.size()), nullptr);
  BIGNUM* exponent = BN_bin2bn(e.data(), static_cast<int>(e.size()), nullptr);
  OSSL_PARAM_BLD* parts = OSSL_PARAM_BLD_new();
  const bool pushed = OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
                      OSSL_PARAM_BLD_push_BN(parts, OSSL_PKEY_PARAM_RSA_E, exponent) == 1;
  const bool strong =
      BN_num_bits(modulus) >= kRsaBitsMin && BN_is_odd(exponent) == 1 && BN_is_one(exponent) == 0;
  auto key = pushed && strong
                 ? build("RSA", parts)
                 : invalid("key set: an RSA key of fewer than 2,048 bits, or with a bad exponent");
  OSSL_PARAM_BLD_free(parts);
  BN_free(modulus);
  BN_free(exponent);
  return key;
}

Result<std::shared_ptr<void>> p256_key(const Json& jwk) {
  const Bytes x = TRY(number_in(jwk, "x"));
  const Bytes y = TRY(number_in(jwk, "y"));
  if (x.size() != kCoordinateBytes || y.size() != kCoordinateBytes) {
    return invalid("key set: a point of P-256 has two numbers of 32 bytes");
  }
  Bytes point{4};
  point.insert(point.end(), x.begin(), x.end());
  point.insert(point.end(), y.begin(), y.end());
  OSSL_PARAM_BLD* parts = OSSL_PARAM_BLD_new();
  OSSL_PARAM_BLD_push_utf8_string(parts, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0);
  OSSL_PARAM_BLD_push_octet_string(parts, OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  auto key = build("EC", parts);
  OSSL_PARAM_BLD_free(parts);
  return key;
}

Result<std::shared_ptr<void>> ed25519_key(const Json& jwk) {
  const Bytes x = TRY(number_in(jwk, "x"));
  if (x.size() != kEd25519Bytes) return invalid("key set: a key of Ed25519 has 32 bytes");
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, x.data(), x.size());
  ERR_clear_error();
  if (key == nullptr) return invalid("key set: not a key of Ed25519");
  return own(key);
}

std::string text_or(const Json& jwk, const char* name) {
  return jwk.contains(name) && jwk[name].is_string() ? jwk[name].get<std::string>() : "";
}

// nothing: a key of a kind that signs no token of ours.
Result<std::optional<Key>> parse_key(const Json& jwk) {
  const std::string type = text_or(jwk, "kty");
  const std::string curve = text_or(jwk, "crv");
  const std::string use = text_or(jwk, "use");
  Key out{.id = text_or(jwk, "kid")};
  if (!use.empty() && use != "sig") return std::optional<Key>();
  if (jwk.contains("d")) return invalid("key set: it holds a private key");
  if (type == "RSA") {
    out.algorithm = Algorithm::kRs256;
    out.key = TRY(rsa_key(jwk));
  } else if (type == "EC" && curve == "P-256") {
    out.algorithm = Algorithm::kEs256;
    out.key = TRY(p256_key(jwk));
  } else if (type == "OKP" && curve == "Ed25519") {
    out.algorithm = Algorithm::kEdDsa;
    out.key = TRY(ed25519_key(jwk));
  } else {
    return std::optional<Key>();
  }
  // A key that says it is for another algorithm of its kind is not ours either.
  const std::string named = text_or(jwk, "alg");
  const auto algorithm = algorithm_named(named);
  if (!named.empty() && (!algorithm || *algorithm != out.algorithm)) return std::optional<Key>();
  return std::optional<Key>(std::move(out));
}

}  // namespace

Result<Bytes> from_base64url(std::string_view text) {
  std::string plain(text);
  for (char& c : plain) {
    if (c == '+' || c == '/' || c == '=') return invalid("base64url: a character that is not its own");
    if (c == '-') {
      c = '+';
    } else if (c == '_') {
      c = '/';
    }
  }
  plain.append((4 - plain.size() % 4) % 4, '=');
  return from_base64(plain);
}

Result<std::vector<Key>> parse_key_set(std::string_view text) {
  if (text.size() > limits::kKeySetBytesMax) return fail(ErrorKind::kLimit, "key set: larger than 256 KiB");
  const Json set = TRY(parse_json(text));
  const Json listed = TRY(get_array(set, "keys"));
  if (listed.size() > limits::kKeySetKeysMax) return fail(ErrorKind::kLimit, "key set: over 100 keys");
  std::vector<Key> out;
  for (const Json& jwk : listed) {
    if (!jwk.is_object()) return invalid("key set: a key is no object");
    if (auto key = TRY(parse_key(jwk))) out.push_back(std::move(*key));
  }
  return out;
}

Result<std::vector<Key>> Checker::read(const Issuer& issuer) {
  if (issuer.keys.starts_with("https://") || issuer.keys.starts_with("http://")) {
    return parse_key_set(TRY(http::fetch(issuer.keys, {.bytes_max = limits::kKeySetBytesMax})));
  }
  return parse_key_set(as_text(TRY(env_.read_file(issuer.keys, limits::kKeySetBytesMax))));
}

}  // namespace sallyport::services::tracking::jwt
