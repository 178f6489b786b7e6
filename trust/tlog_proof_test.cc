#include "trust/tlog_proof.h"

#include <gtest/gtest.h>

#include "core/limits/witness.h"
#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

constexpr std::int64_t kProofTime = 1'790'000'000;

struct ProofFixture {
  tests::FaultEnv env;
  PrivateKey log = *PrivateKey::generate(env);
  PrivateKey witness = *PrivateKey::generate(env);
  MemoryTree tree;
  WitnessPolicy policy;

  ProofFixture() {
    for (std::uint64_t i = 0; i < 300; ++i) tree.append(leaf_hash(entry(i)));
    policy = *parse_witness_policy(
        "log " + note_verifier_key("example.org/log", log.public_key()) + "\nwitness w " +
        note_verifier_key("witness.example", witness.public_key(), NoteKeyType::kCosignature) +
        "\nquorum w\n");
  }
  static Bytes entry(std::uint64_t i) { return to_bytes("entry " + std::to_string(i)); }
  TlogProof prove(std::uint64_t index) {
    TlogProof out;
    out.extra = to_bytes("what the entry names");
    out.index = index;
    out.hashes = *prove_inclusion(index, tree.size(), tree);
    Note note = *parse_note(*sign_checkpoint({"example.org/log", tree.size(), tree.root()}, log));
    note.signatures.push_back(*cosign(note.text, "witness.example", witness, kProofTime));
    out.checkpoint = serialize(note);
    return out;
  }
  bool holds(const TlogProof& proof, std::uint64_t index) const {
    return check_tlog_proof(proof, entry(index), policy, {.now_unix_s = kProofTime}).has_value();
  }
};

TEST(TlogProofs, HoldForTheirEntryAndForNoOther) {
  ProofFixture f;
  for (const std::uint64_t index : {0U, 1U, 255U, 256U, 298U, 299U}) {
    const TlogProof proof = f.prove(index);
    const std::string text = serialize(proof);
    const auto read = parse_tlog_proof(text);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(serialize(*read), text);
    EXPECT_TRUE(f.holds(*read, index));
    EXPECT_FALSE(f.holds(*read, index + 1));
    TlogProof moved = proof;
    moved.index = index ^ 1;
    EXPECT_FALSE(f.holds(moved, index));
    TlogProof cut = proof;
    cut.hashes.pop_back();
    EXPECT_FALSE(f.holds(cut, index));
  }
}

TEST(TlogProofs, EveryChangedBitIsRefusedOrChangesTheExtraAlone) {
  ProofFixture f;
  const TlogProof proof = f.prove(77);
  const std::string text = serialize(proof);
  const std::size_t extra_begin = text.find("extra ");
  const std::size_t extra_end = text.find("\nindex");
  for (std::size_t i = 0; i < text.size(); ++i) {
    std::string bad = text;
    bad[i] = static_cast<char>(bad[i] ^ (1 << (i % 8)));
    const auto read = parse_tlog_proof(bad);
    const bool in_extra = i > extra_begin && i < extra_end;
    if (!in_extra) {
      EXPECT_FALSE(read && f.holds(*read, 77)) << i;
    } else if (read) {
      EXPECT_NE(read->extra, proof.extra) << i;
    }
    const auto cut = parse_tlog_proof(text.substr(0, i));
    EXPECT_FALSE(cut && f.holds(*cut, 77)) << i;
  }
}

TEST(TlogProofs, WithoutTheWitnessNothingHolds) {
  ProofFixture f;
  TlogProof proof = f.prove(5);
  Note note = *parse_note(proof.checkpoint);
  note.signatures.pop_back();
  proof.checkpoint = serialize(note);
  EXPECT_FALSE(f.holds(proof, 5));
  f.policy.quorum.reset();
  EXPECT_TRUE(f.holds(proof, 5));
}

TEST(TlogProofs, AreReadStrictly) {
  ProofFixture f;
  const TlogProof proof = f.prove(9);
  const std::string text = serialize(proof);
  const auto swapped = [&](const std::string& from, const std::string& to) {
    std::string out = text;
    out.replace(out.find(from), from.size(), to);
    return parse_tlog_proof(out).has_value();
  };
  EXPECT_TRUE(swapped("@v1", "@v1"));
  EXPECT_FALSE(swapped("@v1", "@v2"));
  EXPECT_FALSE(swapped("index 9", "index 09"));
  EXPECT_FALSE(swapped("index 9", "index +9"));
  EXPECT_FALSE(swapped("index 9", "Index 9"));
  EXPECT_FALSE(swapped("index 9\n", "index 9\nindex 9\n"));
  EXPECT_FALSE(swapped("index 9\n", "index 9\nAAAA\n"));
  EXPECT_FALSE(swapped("extra ", "extra  "));
  TlogProof plain = proof;
  plain.extra.reset();
  EXPECT_TRUE(parse_tlog_proof(serialize(plain)));
  TlogProof long_one = proof;
  long_one.hashes.assign(limits::kInclusionHashesMax, sha256("x"));
  EXPECT_TRUE(parse_tlog_proof(serialize(long_one)));
  long_one.hashes.push_back(sha256("x"));
  EXPECT_EQ(parse_tlog_proof(serialize(long_one)).error().kind, ErrorKind::kLimit);
}

}  // namespace
}  // namespace sallyport::trust
