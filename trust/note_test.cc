#include "trust/note.h"

#include <gtest/gtest.h>

#include "tests/fault_env.h"
#include "tests/text_vectors.h"

namespace sallyport::trust {
namespace {

PublicKey key_of_vkey(const std::string& vkey) {
  const Bytes typed = *from_base64(vkey.substr(vkey.rfind('+') + 1));
  return *PublicKey::from_ed25519(BytesView(typed).subspan(1));
}

// The example of the package documentation of golang.org/x/mod/sumdb/note.
TEST(Note, OpensThePublishedExample) {
  std::string vkey = tests::read_text("trust/testdata/peter_neumann.vkey");
  ASSERT_FALSE(vkey.empty());
  vkey.pop_back();
  const std::string name = "PeterNeumann";
  const PublicKey key = key_of_vkey(vkey);
  EXPECT_EQ(note_verifier_key(name, key), vkey);
  const std::string file = tests::read_text("trust/testdata/peter_neumann.note");
  const auto note = parse_note(file);
  ASSERT_TRUE(note) << note.error().message;
  EXPECT_EQ(serialize(*note), file);
  const auto verified = verify_note(*note, name, std::span(&key, 1));
  EXPECT_TRUE(verified) << verified.error().message;
  EXPECT_FALSE(verify_note(*note, "EnochRoot", std::span(&key, 1)));
}

class Checkpoints : public testing::Test {
 protected:
  Result<Checkpoint> open(std::string_view file) const {
    const PublicKey key = key_.public_key();
    return open_checkpoint(file, "example.org/log", std::span(&key, 1));
  }
  tests::FaultEnv env_;
  PrivateKey key_ = *PrivateKey::generate(env_);
  Checkpoint checkpoint_{"example.org/log", 12'345, sha256("root")};
};

TEST_F(Checkpoints, RoundTrip) {
  const std::string file = *sign_checkpoint(checkpoint_, key_);
  ASSERT_TRUE(open(file)) << open(file).error().message;
  EXPECT_EQ(*open(file), checkpoint_);
}

TEST_F(Checkpoints, EveryChangedBitAndEveryTruncationIsRefused) {
  const std::string file = *sign_checkpoint(checkpoint_, key_);
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = file;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      EXPECT_FALSE(open(bad)) << "byte " << i << " bit " << bit;
    }
    EXPECT_FALSE(open(file.substr(0, i))) << i;
  }
}

TEST_F(Checkpoints, HaveOneSpelling) {
  const std::string root = to_base64(checkpoint_.root.bytes);
  const std::vector<std::string> bad{"example.org/log\n012\n" + root + "\n",
                                     "example.org/log\n+12\n" + root + "\n",
                                     "example.org/log\n-1\n" + root + "\n",
                                     "example.org/log\n12 \n" + root + "\n",
                                     "example.org/log\n18446744073709551616\n" + root + "\n",
                                     "example.org/log\n12\n" + root.substr(1) + "\n",
                                     "example.org/log\n12\nAAAA\n",
                                     "\n12\n" + root + "\n",
                                     "example.org/log\n12\n",
                                     "example.org/log\n12\n" + root + "\nextension\n",
                                     "example.org/log\n12\n" + root};
  for (const std::string& text : bad) {
    EXPECT_FALSE(parse_checkpoint(text)) << text;
  }
  EXPECT_TRUE(parse_checkpoint("example.org/log\n18446744073709551615\n" + root + "\n"));
}

TEST_F(Checkpoints, AnotherLogsOrKeysCheckpointIsRefused) {
  Checkpoint other = checkpoint_;
  other.origin = "example.org/other";
  EXPECT_FALSE(open(*sign_checkpoint(other, key_)));
  EXPECT_FALSE(open(*sign_checkpoint(checkpoint_, *PrivateKey::generate(env_))));
  // Signed under the right name, but about another log.
  EXPECT_FALSE(open(serialize(*sign_note(serialize(other), "example.org/log", key_))));
}

TEST_F(Checkpoints, AWitnessMayCosign) {
  Note note = *parse_note(*sign_checkpoint(checkpoint_, key_));
  const PrivateKey witness = *PrivateKey::generate(env_);
  note.signatures.push_back(sign_note(note.text, "witness.example.org", witness)->signatures.front());
  EXPECT_TRUE(open(serialize(note)));
  std::swap(note.signatures.front(), note.signatures.back());
  EXPECT_TRUE(open(serialize(note)));
  note.signatures.pop_back();
  EXPECT_FALSE(open(serialize(note))) << "a witness alone does not speak for the log";
}

TEST_F(Checkpoints, BadNamesAndTextsAreNotSigned) {
  EXPECT_FALSE(sign_note("text\n", "a b", key_));
  EXPECT_FALSE(sign_note("text\n", "a+b", key_));
  EXPECT_FALSE(sign_note("text\n", "", key_));
  EXPECT_FALSE(sign_note("text", "a", key_));
  EXPECT_FALSE(sign_note("text\n", "a", *PrivateKey::generate(env_, KeyAlgorithm::kEcdsaP256)));
}

}  // namespace
}  // namespace sallyport::trust
