// Tokens of an identity provider: the three algorithms, and every forgery that other servers have fallen for.
#include "services/tracking/jwt.h"

#include <gtest/gtest.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <functional>

#include "core/forwarding_env.h"
#include "core/yaml.h"
#include "services/tracking/grants.h"

namespace sallyport::services::tracking::jwt {
namespace {

constexpr std::int64_t kNow = 1'795'000'000;
constexpr const char* kIssuer = "https://id.example";

std::string url64(BytesView bytes) {
  std::string out = to_base64(bytes);
  while (out.ends_with('=')) out.pop_back();
  std::ranges::replace(out, '+', '-');
  std::ranges::replace(out, '/', '_');
  return out;
}
std::string url64_json(const Json& json) { return url64(as_bytes(canonical(json))); }

// A key pair of the provider, made for the test.
class Pair {
 public:
  explicit Pair(Algorithm algorithm) : algorithm_(algorithm) {
    key_ = algorithm == Algorithm::kRs256   ? EVP_RSA_gen(2048)
           : algorithm == Algorithm::kEs256 ? EVP_EC_gen("P-256")
                                            : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  }
  ~Pair() { EVP_PKEY_free(key_); }
  Pair(const Pair&) = delete;
  Pair& operator=(const Pair&) = delete;

  std::string name() const {
    return algorithm_ == Algorithm::kRs256 ? "RS256" : algorithm_ == Algorithm::kEs256 ? "ES256" : "EdDSA";
  }
  Bytes number(const char* what) const {
    BIGNUM* number = nullptr;
    EVP_PKEY_get_bn_param(key_, what, &number);
    Bytes out(static_cast<std::size_t>(BN_num_bytes(number)));
    BN_bn2bin(number, out.data());
    if (algorithm_ == Algorithm::kEs256) out.insert(out.begin(), 32 - out.size(), 0);
    BN_free(number);
    return out;
  }
  Json jwk(const std::string& id) const {
    Json out{{"kid", id}, {"use", "sig"}};
    if (algorithm_ == Algorithm::kRs256) {
      out.update(Json{{"kty", "RSA"}, {"n", url64(number("n"))}, {"e", url64(number("e"))}});
    } else if (algorithm_ == Algorithm::kEs256) {
      out.update(
          Json{{"kty", "EC"}, {"crv", "P-256"}, {"x", url64(number("qx"))}, {"y", url64(number("qy"))}});
    } else {
      Bytes raw(32);
      std::size_t size = raw.size();
      EVP_PKEY_get_raw_public_key(key_, raw.data(), &size);
      out.update(Json{{"kty", "OKP"}, {"crv", "Ed25519"}, {"x", url64(raw)}});
    }
    return out;
  }
  std::string pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PUBKEY(bio, key_);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  }
  Bytes sign(const std::string& text) const {
    EVP_MD_CTX* context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, algorithm_ == Algorithm::kEdDsa ? nullptr : EVP_sha256(), nullptr,
                       key_);
    Bytes out(1024);
    std::size_t size = out.size();
    const BytesView bytes = as_bytes(text);
    EVP_DigestSign(context, out.data(), &size, bytes.data(), bytes.size());
    EVP_MD_CTX_free(context);
    out.resize(size);
    return algorithm_ == Algorithm::kEs256 ? halves(out) : out;
  }
  std::string token(const Json& header, const Json& payload) const {
    const std::string text = url64_json(header) + "." + url64_json(payload);
    return text + "." + url64(sign(text));
  }

 private:
  static Bytes halves(const Bytes& der) {
    const unsigned char* at = der.data();
    ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &at, static_cast<long>(der.size()));
    Bytes out(64);
    BN_bn2binpad(ECDSA_SIG_get0_r(pair), out.data(), 32);
    BN_bn2binpad(ECDSA_SIG_get0_s(pair), out.data() + 32, 32);
    ECDSA_SIG_free(pair);
    return out;
  }

  Algorithm algorithm_;
  EVP_PKEY* key_ = nullptr;
};

Json claims() {
  return {{"iss", kIssuer}, {"aud", "sallyport"}, {"sub", "ben"}, {"exp", kNow + 300}, {"iat", kNow}};
}
Json header(const Pair& pair, const std::string& id = "k1") {
  return {{"alg", pair.name()}, {"kid", id}, {"typ", "JWT"}};
}
Issuer issuer(std::set<Algorithm> algorithms) {
  return {.name = kIssuer, .audience = "sallyport", .algorithms = std::move(algorithms), .keys = "keys.json"};
}
std::vector<Key> keys_of(const std::vector<Json>& jwks) {
  const auto keys = parse_key_set(canonical(Json{{"keys", jwks}}));
  EXPECT_TRUE(keys) << keys.error().message;
  return keys.value_or(std::vector<Key>());
}

TEST(Jwt, the_three_algorithms_prove_their_subject) {
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    const Pair pair(algorithm);
    const auto keys = keys_of({pair.jwk("k1")});
    const auto got = check(pair.token(header(pair), claims()), issuer({algorithm}), keys, kNow);
    ASSERT_TRUE(got) << pair.name() << ": " << got.error().message;
    EXPECT_EQ(got->subject, "ben");
    Json several = claims();
    several["aud"] = std::vector<std::string>{"other", "sallyport"};
    EXPECT_TRUE(check(pair.token({{"alg", pair.name()}}, several), issuer({algorithm}), keys, kNow));
    const auto other = check(pair.token(header(pair), claims()), issuer({Algorithm::kRs256}), keys, kNow);
    EXPECT_EQ(other.has_value(), algorithm == Algorithm::kRs256) << "an algorithm that is not on the list";
  }
}

// What is changed of an honest token; each must be refused.
struct Forgery {
  const char* title;
  std::function<std::string(const Pair&)> make;
};

std::string with_claim(const Pair& pair, const char* name, const Json& value) {
  Json changed = claims();
  if (value.is_null()) {
    changed.erase(name);
  } else {
    changed[name] = value;
  }
  return pair.token(header(pair), changed);
}
std::string with_header(const Pair& pair, const char* name, const Json& value) {
  Json changed = header(pair);
  changed[name] = value;
  return pair.token(changed, claims());
}
std::string unsigned_token(const Json& head, const std::string& signature) {
  return url64_json(head) + "." + url64_json(claims()) + "." + signature;
}
// HMAC with the public key for a secret, in the forms in which a server has it at hand.
std::string hs256(const Pair& pair, BytesView secret) {
  Json head = header(pair);
  head["alg"] = "HS256";
  const std::string text = url64_json(head) + "." + url64_json(claims());
  return text + "." + url64(hmac_sha256(secret, as_bytes(text)).bytes);
}

std::vector<Forgery> forged_headers() {
  std::vector<Forgery> out{
      {"no signature",
       [](const Pair&) {
         return unsigned_token({{"alg", "none"}}, "");
       }},
      {"alg none with a signature",
       [](const Pair&) {
         return unsigned_token({{"alg", "none"}}, "AAAA");
       }},
      {"alg None",
       [](const Pair&) {
         return unsigned_token({{"alg", "nOnE"}}, "AAAA");
       }},
      {"no alg",
       [](const Pair& p) {
         return p.token({{"kid", "k1"}}, claims());
       }},
      {"alg is a list", [](const Pair& p) { return with_header(p, "alg", Json::array({"RS256"})); }},
      {"HS256 with the PEM", [](const Pair& p) { return hs256(p, as_bytes(p.pem())); }},
      {"HS256 with the JWK", [](const Pair& p) { return hs256(p, as_bytes(canonical(p.jwk("k1")))); }},
      {"HS256 without a secret", [](const Pair& p) { return hs256(p, {}); }},
      {"alg of another kind",
       [](const Pair& p) { return with_header(p, "alg", p.name() == "RS256" ? "ES256" : "RS256"); }},
      {"kid leads out", [](const Pair& p) { return with_header(p, "kid", "../../../../dev/null"); }},
      {"kid is SQL", [](const Pair& p) { return with_header(p, "kid", "x' UNION SELECT 'k1"); }},
      {"kid is a number", [](const Pair& p) { return with_header(p, "kid", 1); }},
      {"crit", [](const Pair& p) { return with_header(p, "crit", Json::array({"exp"})); }},
      {"b64 false", [](const Pair& p) { return with_header(p, "b64", false); }},
      {"typ of a logout token", [](const Pair& p) { return with_header(p, "typ", "logout+jwt"); }}};
  return out;
}

std::vector<Forgery> forged_claims() {
  std::vector<Forgery> out{
      {"expired", [](const Pair& p) { return with_claim(p, "exp", kNow - 61); }},
      {"no end", [](const Pair& p) { return with_claim(p, "exp", nullptr); }},
      {"the end is text", [](const Pair& p) { return with_claim(p, "exp", std::to_string(kNow + 300)); }},
      {"not valid yet", [](const Pair& p) { return with_claim(p, "nbf", kNow + 61); }},
      {"made in the future", [](const Pair& p) { return with_claim(p, "iat", kNow + 3600); }},
      {"wrong audience", [](const Pair& p) { return with_claim(p, "aud", "others"); }},
      {"audience in capitals", [](const Pair& p) { return with_claim(p, "aud", "Sallyport"); }},
      {"no audience", [](const Pair& p) { return with_claim(p, "aud", nullptr); }},
      {"wrong issuer", [](const Pair& p) { return with_claim(p, "iss", "https://id.example.evil"); }},
      {"no subject", [](const Pair& p) { return with_claim(p, "sub", ""); }},
      {"subject is a number", [](const Pair& p) { return with_claim(p, "sub", 7); }}};
  return out;
}

std::vector<Forgery> forged_keys_and_shapes() {
  std::vector<Forgery> out{
      {"another's key",
       [](const Pair& p) {
         const Pair other(p.name() == "RS256"   ? Algorithm::kRs256
                          : p.name() == "ES256" ? Algorithm::kEs256
                                                : Algorithm::kEdDsa);
         return other.token(header(p), claims());
       }},
      {"another's key in the header",
       [](const Pair& p) {
         const Pair other(Algorithm::kEs256);
         Json head = header(other, "k9");
         head["jwk"] = other.jwk("k9");
         std::ignore = p;
         return other.token(head, claims());
       }},
      {"another's key by address",
       [](const Pair& p) {
         const Pair other(Algorithm::kEs256);
         Json head = header(other, "k9");
         head["jku"] = "http://127.0.0.1:1/keys";
         std::ignore = p;
         return other.token(head, claims());
       }},
      {"four parts", [](const Pair& p) { return p.token(header(p), claims()) + ".AAAA"; }},
      {"padding", [](const Pair& p) { return p.token(header(p), claims()) + "="; }},
      {"a claim twice",
       [](const Pair& p) {
         const std::string twice =
             R"({"iss":"https://id.example","aud":"sallyport","sub":"eve","sub":"ben","exp":)" +
             std::to_string(kNow + 300) + "}";
         const std::string text = url64_json(header(p)) + "." + url64(as_bytes(twice));
         return text + "." + url64(p.sign(text));
       }},
      {"longer than is read", [](const Pair& p) { return with_claim(p, "pad", std::string(9'000, 'a')); }},
  };
  return out;
}

TEST(Jwt, no_forgery_proves_anything) {
  for (const Algorithm algorithm : {Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa}) {
    const Pair pair(algorithm);
    const auto keys = keys_of({pair.jwk("k1")});
    const Issuer all = issuer({Algorithm::kRs256, Algorithm::kEs256, Algorithm::kEdDsa});
    ASSERT_TRUE(check(pair.token(header(pair), claims()), all, keys, kNow));
    for (const auto& forgeries : {forged_headers(), forged_claims(), forged_keys_and_shapes()}) {
      for (const Forgery& forgery : forgeries) {
        EXPECT_FALSE(check(forgery.make(pair), all, keys, kNow)) << pair.name() << ": " << forgery.title;
      }
    }
  }
}

TEST(Jwt, every_changed_character_is_noticed) {
  const Pair pair(Algorithm::kEs256);
  const auto keys = keys_of({pair.jwk("k1")});
  const std::string token = pair.token(header(pair), claims());
  for (std::size_t at = 0; at < token.size(); ++at) {
    std::string changed = token;
    changed[at] = changed[at] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(check(changed, issuer({Algorithm::kEs256}), keys, kNow)) << at;
  }
}

TEST(Jwt, key_sets_are_read_strictly) {
  const Pair ec(Algorithm::kEs256);
  const Pair rsa(Algorithm::kRs256);
  Json encryption = ec.jwk("e");
  encryption["use"] = "enc";
  Json other = rsa.jwk("p");
  other["alg"] = "PS256";
  EXPECT_EQ(keys_of({ec.jwk("a"), encryption, other, {{"kty", "oct"}, {"k", "AAAA"}}}).size(), 1U);
  Json secret = ec.jwk("s");
  secret["d"] = "AAAA";
  Json off_curve = ec.jwk("o");
  off_curve["y"] = off_curve["x"];
  Json weak = rsa.jwk("w");
  weak["n"] = url64(Bytes(128, 0xff));
  Json trivial = rsa.jwk("t");
  trivial["e"] = "AQ";
  for (const Json& bad : {secret, off_curve, weak, trivial}) {
    EXPECT_FALSE(parse_key_set(canonical(Json{{"keys", std::vector<Json>{bad}}}))) << bad;
  }
  // Two keys that could both be meant: none is guessed.
  const auto keys = keys_of({ec.jwk("a"), Pair(Algorithm::kEs256).jwk("b")});
  EXPECT_FALSE(check(ec.token({{"alg", "ES256"}}, claims()), issuer({Algorithm::kEs256}), keys, kNow));
  EXPECT_TRUE(check(ec.token(header(ec, "a"), claims()), issuer({Algorithm::kEs256}), keys, kNow));
}

// The key set is a file that can change and go, and a clock that a test sets.
class Provider : public ForwardingEnv {
 public:
  Provider() : ForwardingEnv(system_env()) {}
  std::int64_t now_unix_s() override { return now; }
  Result<Bytes> read_file(const fs::path&, std::size_t) override {
    ++reads;
    if (set.empty()) return fail(ErrorKind::kIo, "it is gone");
    return to_bytes(set);
  }
  void publish(const std::vector<Json>& jwks) { set = canonical(Json{{"keys", jwks}}); }
  std::int64_t now = kNow;
  std::string set = {};
  int reads = 0;
};

TEST(Jwt, keys_are_kept_rotated_and_asked_for_seldom) {
  const Pair first(Algorithm::kEs256);
  const Pair second(Algorithm::kEs256);
  Provider provider;
  provider.publish({first.jwk("k1")});
  Checker checker(provider, {issuer({Algorithm::kEs256})});
  Json long_lived = claims();
  long_lived["exp"] = kNow + 10 * 24 * 3600;
  const std::string old_token = first.token(header(first), long_lived);
  const std::string new_token = second.token(header(second, "k2"), long_lived);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(checker.check(old_token));
  EXPECT_EQ(provider.reads, 1);
  // Whoever makes up kids makes us ask once a minute, not once a token.
  provider.now += 61;
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(checker.check(new_token));
  EXPECT_EQ(provider.reads, 2);
  provider.publish({second.jwk("k2")});
  provider.now += 61;
  EXPECT_TRUE(checker.check(new_token));
  EXPECT_FALSE(checker.check(old_token)) << "a key that was withdrawn";
  provider.set.clear();
  provider.now += 3'600;
  EXPECT_TRUE(checker.check(new_token)) << "an outage of the provider";
  provider.now += 24 * 3'600;
  EXPECT_FALSE(checker.check(new_token)) << "an outage of more than a day";
}

TEST(Jwt, a_policy_gives_identities_and_certificates_their_principal) {
  const Pair pair(Algorithm::kEdDsa);
  Provider provider;
  provider.publish({pair.jwk("k1")});
  const std::string text =
      "roles: {reader: [{may: [read], models: ['*']}]}\n"
      "issuers: [{name: 'https://id.example', audience: sallyport, algorithms: [EdDSA], keys: keys.json}]\n"
      "principals:\n"
      "  ben: {roles: [reader], identities: [{issuer: 'https://id.example', subject: ben}]}\n"
      "  bot: {roles: [reader], certificates: ['CN=bot,O=Example']}\n";
  const auto policy = [](const std::string& yaml) {
    return parse_access(parse_yaml(yaml, "policy").value());
  };
  const auto rules = policy(text);
  ASSERT_TRUE(rules) << rules.error().message;
  const auto access = granted(provider, *rules);
  const auto who = [&](std::vector<std::pair<std::string, std::string>> headers,
                       const std::string& subject = "") {
    http::Request request{.method = "GET", .path = "/", .query = "", .peer = "", .client = subject};
    request.headers = std::move(headers);
    const auto principal = access->authenticate(request);
    return principal ? principal->name : std::string("nobody");
  };
  const std::string token = pair.token(header(pair), claims());
  EXPECT_EQ(who({{"Authorization", "Bearer " + token}}), "ben");
  EXPECT_EQ(who({{"Authorization", "Basic " + to_base64(as_bytes("ben:" + token))}}), "ben");
  EXPECT_EQ(who({{"Authorization", "Basic " + to_base64(as_bytes("bot:" + token))}}), "nobody");
  EXPECT_EQ(who({}, "CN=bot,O=Example"), "bot");
  EXPECT_EQ(who({}, "CN=bot,O=Example,OU=x"), "nobody");
  EXPECT_EQ(who({}), "nobody");
  EXPECT_EQ(who({{"Authorization", "Bearer " + token}, {"authorization", "Bearer x"}}), "nobody");
  EXPECT_EQ(who({{"Authorization", "Bearer wrong"}}, "CN=bot,O=Example"), "nobody")
      << "a bad token beside it";
  Json stranger = claims();
  stranger["sub"] = "eve";
  EXPECT_EQ(who({{"Authorization", "Bearer " + pair.token(header(pair), stranger)}}), "nobody");
  EXPECT_FALSE(policy(text + "  bob: {certificates: ['CN=bot,O=Example']}\n"))
      << "one certificate for two principals";
  EXPECT_FALSE(policy(text + "  bob: {identities: [{issuer: 'https://other', subject: bob}]}\n"))
      << "nobody's word";
}

}  // namespace
}  // namespace sallyport::services::tracking::jwt
