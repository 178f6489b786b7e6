#include "trust/witness_policy.h"

#include <gtest/gtest.h>

#include "core/limits/witness.h"
#include "tests/fault_env.h"

namespace sallyport::trust {
namespace {

constexpr std::int64_t kNow = 1'790'000'000;

class Policies : public testing::Test {
 protected:
  std::string log_key() const { return note_verifier_key("example.org/log", log_.public_key()); }
  std::string witness_key(std::size_t i) const {
    return note_verifier_key(name_of_witness(i), witnesses_[i].public_key(), NoteKeyType::kCosignature);
  }
  static std::string name_of_witness(std::size_t i) { return "witness.example/" + std::to_string(i); }
  // The log, the witnesses w0 to w5, and then these lines.
  std::string policy_text(const std::string& lines) const {
    std::string out = "# whom we believe\nlog " + log_key() + " https://example.org/log\n\n";
    for (std::size_t i = 0; i < witnesses_.size(); ++i)
      out += " \twitness w" + std::to_string(i) + "\t" + witness_key(i) + " \n";
    return out + lines;
  }
  WitnessPolicy policy(const std::string& lines) const {
    auto parsed = parse_witness_policy(policy_text(lines));
    EXPECT_TRUE(parsed) << parsed.error().message;
    return parsed ? *parsed : WitnessPolicy{};
  }
  bool is_read(const std::string& lines) const {
    return parse_witness_policy(policy_text(lines)).has_value();
  }

  std::string cosigned_by(const std::vector<std::size_t>& who, std::int64_t time = kNow) const {
    Note note = *parse_note(*sign_checkpoint(checkpoint_, log_));
    for (const std::size_t i : who)
      note.signatures.push_back(*cosign(note.text, name_of_witness(i), witnesses_[i], time));
    return serialize(note);
  }
  Result<Witnessed> check(const std::string& note, const WitnessPolicy& policy) const {
    return check_witnessed(note, policy, {.now_unix_s = kNow});
  }

  tests::FaultEnv env_;
  PrivateKey log_ = *PrivateKey::generate(env_);
  std::vector<PrivateKey> witnesses_ = [&] {
    std::vector<PrivateKey> out;
    for (int i = 0; i < 6; ++i) out.push_back(*PrivateKey::generate(env_));
    return out;
  }();
  Checkpoint checkpoint_{"example.org/log", 12'345, sha256("root")};
};

TEST(VerifierKeys, AreReadAsStandardToolsWriteThem) {
  // The key of the Go checksum database, as every Go tool carries it.
  const std::string known = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
  const auto key = parse_verifier_key(known);
  ASSERT_TRUE(key) << key.error().message;
  EXPECT_EQ(key->name, "sum.golang.org");
  EXPECT_EQ(key->type, NoteKeyType::kEd25519);
  EXPECT_EQ(note_verifier_key(key->name, key->key, key->type), known);
  for (const char* bad :
       {"", "sum.golang.org", "sum.golang.org+033de0ae", "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh",
        "sum.golang.org+033de0af+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.orh+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "sum.golang.org+033DE0AE+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
        "+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"})
    EXPECT_FALSE(parse_verifier_key(bad)) << bad;
  // ML-DSA-44, which this build does not verify.
  EXPECT_EQ(parse_verifier_key("a+00000000+BgA=").error().kind, ErrorKind::kUnsupported);
}

TEST_F(Policies, OneWitnessOrAGroupOfGroupsDecides) {
  const WitnessPolicy one = policy("quorum w2\n");
  EXPECT_TRUE(check(cosigned_by({2}), one));
  EXPECT_TRUE(check(cosigned_by({0, 2, 5}), one));
  EXPECT_FALSE(check(cosigned_by({0, 1, 3, 4, 5}), one));
  EXPECT_FALSE(check(cosigned_by({}), one));

  const WitnessPolicy nested =
      policy("group X 2 w0 w1 w2\ngroup Y any w3 w4 w5\ngroup Z all X Y\nquorum Z\n");
  for (unsigned set = 0; set < 64; ++set) {
    std::vector<std::size_t> who;
    for (std::size_t i = 0; i < 6; ++i) {
      if ((set >> i & 1U) != 0) who.push_back(i);
    }
    const auto count = [&](std::size_t from) {
      return std::ranges::count_if(who, [&](std::size_t i) { return i >= from && i < from + 3; });
    };
    EXPECT_EQ(check(cosigned_by(who), nested).has_value(), count(0) >= 2 && count(3) >= 1) << set;
  }
  const auto met = check(cosigned_by({5, 1, 0}), nested);
  ASSERT_TRUE(met);
  EXPECT_EQ(met->checkpoint, checkpoint_);
  EXPECT_EQ(met->witnesses, (std::vector<std::string>{"w0", "w1", "w5"}));
  EXPECT_EQ(met->newest_unix_s, kNow);
  EXPECT_TRUE(check(cosigned_by({}), policy("quorum none\n")));
}

TEST_F(Policies, OneWitnessCountsOnceHoweverOftenItSigned) {
  const WitnessPolicy two = policy("group G 2 w0 w1 w2\nquorum G\n");
  EXPECT_FALSE(check(cosigned_by({0, 0, 0}), two));
  EXPECT_TRUE(check(cosigned_by({0, 0, 1}), two));
}

TEST_F(Policies, ForgedForeignAndUntimelyCosignaturesAreNone) {
  const WitnessPolicy policy_of_w0 = policy("quorum w0\n");
  const std::string good = cosigned_by({0});
  const Note note = *parse_note(good);
  // Another witness under this one's name; the log's own signature in the witness's place.
  for (const PrivateKey& key : {witnesses_[1], log_}) {
    Note forged = *parse_note(cosigned_by({}));
    forged.signatures.push_back(*cosign(forged.text, name_of_witness(0), key, kNow));
    EXPECT_FALSE(check(serialize(forged), policy_of_w0));
    forged.signatures.back().key_hash = note.signatures.back().key_hash;
    EXPECT_FALSE(check(serialize(forged), policy_of_w0)) << "with the right key id";
  }
  // A witness's signature of the bare checkpoint, without its domain.
  Note bare = *parse_note(cosigned_by({}));
  bare.signatures.push_back(sign_note(bare.text, name_of_witness(0), witnesses_[0])->signatures.front());
  EXPECT_FALSE(check(serialize(bare), policy_of_w0));
  // Every bit of the cosignature counts, its time's too.
  const std::size_t bytes = note.signatures.back().sig.size();
  ASSERT_EQ(bytes, 72U);
  for (std::size_t i = 0; i < bytes; ++i) {
    Note bad = note;
    bad.signatures.back().sig[i] ^= 1;
    EXPECT_FALSE(check(serialize(bad), policy_of_w0)) << i;
  }
  // Of another checkpoint of the log.
  checkpoint_.size += 1;
  Note other = *parse_note(cosigned_by({}));
  other.signatures.push_back(note.signatures.back());
  EXPECT_FALSE(check(serialize(other), policy_of_w0));
  EXPECT_FALSE(check(cosigned_by({0}, kNow + limits::kCosignatureAheadS + 1), policy_of_w0));
  EXPECT_TRUE(check(cosigned_by({0}, kNow + limits::kCosignatureAheadS), policy_of_w0));
}

TEST_F(Policies, AnOldCosignatureDoesNotCountWhereAnAgeIsDemanded) {
  const WitnessPolicy policy_of_w0 = policy("quorum w0\n");
  const std::string note = cosigned_by({0}, kNow - 3'600);
  EXPECT_TRUE(check(note, policy_of_w0));
  EXPECT_TRUE(check_witnessed(note, policy_of_w0, {.now_unix_s = kNow, .age_max_s = 3'600}));
  EXPECT_FALSE(check_witnessed(note, policy_of_w0, {.now_unix_s = kNow, .age_max_s = 3'599}));
}

TEST_F(Policies, TheLogMustBeOneOfThePolicysAndOneOfOurs) {
  const std::string note = cosigned_by({0});
  const std::string other = note_verifier_key("example.org/log", witnesses_[5].public_key());
  const std::string elsewhere = note_verifier_key("example.org/other", log_.public_key());
  const auto with_log = [&](const std::string& line) {
    return *parse_witness_policy(line + "witness w0 " + witness_key(0) + "\nquorum w0\n");
  };
  EXPECT_TRUE(check(note, with_log("log " + other + "\nlog " + log_key() + "\n")));
  EXPECT_FALSE(check(note, with_log("log " + other + "\n")));
  EXPECT_FALSE(check(note, with_log("log " + elsewhere + "\n")));
  EXPECT_FALSE(check(note, with_log("")));
  const std::vector<PublicKey> keys{log_.public_key()};
  const std::vector<PublicKey> strangers{witnesses_[5].public_key()};
  const auto known = [&](const std::vector<PublicKey>& ours, const std::string& origin,
                         const WitnessPolicy& p) {
    return check_witnessed(note, p, {.now_unix_s = kNow, .keys = &ours, .origin = origin}).has_value();
  };
  EXPECT_TRUE(known(keys, "example.org/log", with_log("")));
  EXPECT_TRUE(known(keys, "example.org/log", with_log("log " + log_key() + "\n")));
  EXPECT_FALSE(known(keys, "example.org/other", with_log("")));
  EXPECT_FALSE(known(strangers, "example.org/log", with_log("")));
  EXPECT_FALSE(known(keys, "example.org/log", with_log("log " + other + "\n")));
}

TEST_F(Policies, AreReadStrictly) {
  EXPECT_TRUE(is_read("quorum none\n"));
  EXPECT_TRUE(
      is_read("group G 6 w0 w1 w2 w3 w4 w5\nquorum G"
              "\n#\n   # a comment\n"));
  for (const std::string& bad : {
           std::string(""),                               // no quorum
           std::string("quorum w0"),                      // no end of the line
           std::string("quorum w9\n"),                    // not defined
           std::string("quorum G\ngroup G any w0\n"),     // defined later
           std::string("quorum w0\nquorum w0\n"),         // twice
           std::string("quorum w0 w1\n"),                 //
           std::string("quorum\n"),                       //
           std::string("group G any\nquorum w0\n"),       // no member
           std::string("group G 0 w0\nquorum G\n"),       //
           std::string("group G 2 w0\nquorum G\n"),       // more than there are
           std::string("group G 01 w0\nquorum G\n"),      //
           std::string("group G any w0 w0\nquorum G\n"),  // a member twice
           std::string("group G any w0\ngroup H any w0\nquorum G\n"),
           std::string("group G any G\nquorum G\n"),          // of itself
           std::string("group w0 any w1\nquorum w0\n"),       // a witness's name
           std::string("group none any w1\nquorum w0\n"),     //
           std::string("group G any none\nquorum G\n"),       //
           std::string("group G ANY w0\nquorum G\n"),         //
           std::string("Quorum w0\n"),                        //
           std::string("quorum w0\r\n"),                      // another control character
           std::string("quorum w0\x01\n"),                    //
           "witness w6 " + witness_key(0) + "\nquorum w0\n",  // a key twice
           "witness w6 " + log_key() + "\nquorum w0\n",       // not a witness's key
           "log " + witness_key(0) + "\nquorum w0\n",         // not a log's key
           "log " + log_key() + "\nquorum w0\n",              // a log twice
           "witness none " + note_verifier_key("n", log_.public_key(), NoteKeyType::kCosignature) +
               "\nquorum none\n",
       })
    EXPECT_FALSE(is_read(bad)) << bad;
  std::string many;
  for (std::size_t i = 0; i <= limits::kWitnessPolicyLinesMax; ++i) many += "quorumm\n";
  EXPECT_FALSE(is_read(many));
  EXPECT_EQ(parse_witness_policy(std::string(limits::kWitnessPolicyBytesMax + 1, '\n')).error().kind,
            ErrorKind::kLimit);
}

TEST_F(Policies, ThirtyTwoOfEachAreFine) {
  std::string text;
  std::string members;
  for (int i = 0; i < 32; ++i) {
    const std::string n = std::to_string(i);
    text += "log " + note_verifier_key("l" + n, PrivateKey::generate(env_)->public_key()) + "\n";
    text += "witness w" + n + " " +
            note_verifier_key("w" + n, PrivateKey::generate(env_)->public_key(), NoteKeyType::kCosignature) +
            "\ngroup g" + n + " all w" + n + (i == 0 ? "" : " g" + std::to_string(i - 1)) + "\n";
  }
  const auto deep = parse_witness_policy(text + "quorum g31\n");
  ASSERT_TRUE(deep) << deep.error().message;
  std::vector<bool> all(32, true);
  EXPECT_TRUE(deep->is_met(all));
  all[0] = false;
  EXPECT_FALSE(deep->is_met(all));
}

}  // namespace
}  // namespace sallyport::trust
