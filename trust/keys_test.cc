#include "trust/keys.h"

#include <gtest/gtest.h>

#include "tests/fault_env.h"
#include "tests/text_vectors.h"

namespace sallyport::trust {
namespace {

TEST(Keys, Ed25519MatchesRfc8032) {
  const auto vectors = tests::read_vectors("trust/testdata/rfc8032_ed25519.txt");
  ASSERT_EQ(vectors.size(), 3U);
  for (const auto& fields : vectors) {
    const auto key = PrivateKey::from_ed25519_seed(*from_hex(fields[0]));
    ASSERT_TRUE(key);
    EXPECT_EQ(to_hex(key->public_key().raw_ed25519()), fields[1]);
    const Bytes message = *from_hex(fields[2]);
    const Bytes signature = key->sign(message);
    EXPECT_EQ(to_hex(signature), fields[3]);
    EXPECT_TRUE(PublicKey::from_ed25519(*from_hex(fields[1]))->verify(message, signature));
  }
}

TEST(Keys, BothAlgorithmsSignVerifyAndRefuse) {
  tests::FaultEnv env;
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256}) {
    const auto key = PrivateKey::generate(env, algorithm);
    ASSERT_TRUE(key);
    EXPECT_EQ(key->public_key().algorithm(), algorithm);
    const Bytes message = to_bytes("what is signed");
    const Bytes signature = key->sign(message);
    EXPECT_TRUE(key->public_key().verify(message, signature));
    EXPECT_FALSE(key->public_key().verify(as_bytes("what is sighed"), signature));
    for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
      Bytes bad = signature;
      bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ (1U << (bit % 8)));
      EXPECT_FALSE(key->public_key().verify(message, bad)) << name_of(algorithm) << " bit " << bit;
    }
    const auto other = PrivateKey::generate(env, algorithm);
    EXPECT_FALSE(other->public_key().verify(message, signature));
  }
}

TEST(Keys, PemRoundTripsAndHasOneSpelling) {
  tests::FaultEnv env;
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::kEd25519, KeyAlgorithm::kEcdsaP256}) {
    const auto key = PrivateKey::generate(env, algorithm);
    ASSERT_TRUE(key);
    const std::string pem = key->public_key().pem();
    ASSERT_TRUE(PublicKey::from_pem(pem));
    EXPECT_EQ(PublicKey::from_pem(pem)->keyid(), key->keyid());
    EXPECT_EQ(PublicKey::from_spki(key->public_key().spki())->keyid(), key->keyid());
    const auto again = PrivateKey::from_pem(key->pem());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->keyid(), key->keyid());
    for (std::size_t i = 0; i < pem.size(); ++i) {
      std::string bad = pem;
      bad[i] = static_cast<char>(bad[i] ^ 1);
      const auto got = PublicKey::from_pem(bad);
      EXPECT_FALSE(got && got->keyid() == key->keyid()) << "byte " << i;
    }
    EXPECT_FALSE(PublicKey::from_pem("\n" + pem));
    EXPECT_FALSE(PublicKey::from_pem(pem + "\n"));
    EXPECT_FALSE(PublicKey::from_pem(key->pem()));
    EXPECT_FALSE(PrivateKey::from_pem(pem));
    for (std::size_t size = 0; size < pem.size(); ++size)
      EXPECT_FALSE(PublicKey::from_pem(pem.substr(0, size)));
  }
}

// Made by `openssl genpkey -algorithm ed25519` and `openssl genpkey -algorithm EC -pkeyopt
// ec_paramgen_curve:P-256`, with `openssl pkey -pubout`: what users bring.
TEST(Keys, ReadsKeysThatOpensslWrote) {
  for (const std::string name : {"ed25519", "p256"}) {
    const std::string base = "trust/testdata/openssl_" + name;
    const std::string public_pem = tests::read_text(base + ".pub");
    const auto key = PrivateKey::from_pem(tests::read_text(base + ".key"));
    ASSERT_TRUE(key) << name << ": " << key.error().message;
    EXPECT_EQ(key->public_key().pem(), public_pem);
    EXPECT_EQ(key->pem(), tests::read_text(base + ".key"));
  }
  EXPECT_FALSE(PublicKey::from_pem(tests::read_text("trust/testdata/openssl_p384.pub")));
}

TEST(Keys, APrivateKeyThatOthersCanReadIsRefused) {
  tests::FaultEnv env;
  const auto key = PrivateKey::generate(env);
  ASSERT_TRUE(env.make_directories("/keys"));
  ASSERT_TRUE(save_key_pair(env, *key, "/keys", "runner"));
  EXPECT_TRUE(load_private_key(env, "/keys/runner.key"));
  EXPECT_EQ(load_public_key(env, "/keys/runner.pub")->keyid(), key->keyid());
  EXPECT_FALSE(save_key_pair(env, *key, "/keys", "runner")) << "a key is never replaced";
  for (const unsigned mode : {0640U, 0604U, 0620U, 0666U}) {
    const std::string path = "/keys/open" + std::to_string(mode) + ".key";
    ASSERT_TRUE(env.write_new(path, as_bytes(key->pem()), mode));
    const auto refused = load_private_key(env, path);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kDenied);
    EXPECT_NE(refused.error().hint.find("chmod 600"), std::string::npos);
  }
}

}  // namespace
}  // namespace sallyport::trust
