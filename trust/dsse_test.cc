#include "trust/dsse.h"

#include <gtest/gtest.h>

#include "core/json.h"
#include "tests/fault_env.h"
#include "trust/statement.h"
#include "trust/workspace.h"

namespace sallyport::trust {
namespace {

class Dsse : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(env_.make_directories("/p"));
    workspace_ = *create_workspace(env_, "/p");
    root_ = *workspace_.load_root();
  }
  PrivateKey key(const std::string& name) { return *workspace_.load_key(name, *root_); }
  Envelope sign(const std::vector<std::string>& names) {
    std::vector<PrivateKey> keys;
    for (const std::string& name : names) keys.push_back(key(name));
    return sign_statement({{{"model", sha256("weights")}}, std::string(predicate::kGate), {{"a", 1.5}}},
                          keys);
  }
  bool verifies(const Envelope& envelope, std::initializer_list<std::string_view> roles) {
    return verify_envelope(envelope, *root_, std::span(roles.begin(), roles.size())).has_value();
  }

  tests::FaultEnv env_;
  Workspace workspace_;
  std::optional<Root> root_;
};

// The example of the DSSE protocol document.
TEST_F(Dsse, PreAuthenticationEncodingMatchesTheSpecification) {
  EXPECT_EQ(as_text(pae("http://example.com/HelloWorld", as_bytes("hello world"))),
            "DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  EXPECT_EQ(as_text(pae("", {})), "DSSEv1 0  0 ");
}

TEST_F(Dsse, RolesAndThresholdsDecide) {
  EXPECT_TRUE(verifies(sign({"runner"}), {role::kRunner}));
  EXPECT_FALSE(verifies(sign({"lead"}), {role::kRunner}));
  EXPECT_TRUE(verifies(sign({"lead", "audit"}), {role::kLead, role::kAudit}));
  EXPECT_FALSE(verifies(sign({"lead"}), {role::kLead, role::kAudit}));
  EXPECT_TRUE(verifies(sign({"lead", "audit"}), {role::kApprover}));
  EXPECT_FALSE(verifies(sign({"lead", "runner"}), {role::kApprover}));
}

TEST_F(Dsse, AStrangersOrABadSignatureRefusesTheWhole) {
  Envelope stranger = sign({"runner"});
  add_signature(stranger, *PrivateKey::generate(env_));
  EXPECT_FALSE(verifies(stranger, {role::kRunner}));
  Envelope bad = sign({"lead", "runner"});
  bad.signatures.front().sig.front() ^= 1;
  EXPECT_FALSE(verifies(bad, {role::kRunner}));
  EXPECT_FALSE(verifies(bad, {role::kLead}));
}

TEST_F(Dsse, EveryChangedByteIsRefused) {
  const Envelope envelope = sign({"lead", "audit"});
  const std::string file = serialize(envelope);
  ASSERT_TRUE(parse_envelope(as_bytes(file)));
  EXPECT_EQ(serialize(*parse_envelope(as_bytes(file))), file);
  for (std::size_t i = 0; i < file.size(); ++i) {
    for (int bit = 0; bit < 8; ++bit) {
      std::string bad = file;
      bad[i] = static_cast<char>(bad[i] ^ (1 << bit));
      const auto got = parse_envelope(as_bytes(bad));
      EXPECT_FALSE(got && verifies(*got, {})) << "byte " << i << " bit " << bit;
    }
    EXPECT_FALSE(parse_envelope(as_bytes(file.substr(0, i))));
  }
}

TEST_F(Dsse, OtherSpellingsOfTheSameEnvelopeAreRefused) {
  const Envelope envelope = sign({"lead", "audit"});
  const std::string file = serialize(envelope);
  const Json whole = *parse_json(file);
  Json swapped = whole;
  std::swap(swapped["signatures"][0], swapped["signatures"][1]);
  Json doubled = whole;
  doubled["signatures"].push_back(doubled["signatures"][1]);
  Json unsigned_one = whole;
  unsigned_one["signatures"] = Json::array();
  Json extra = whole;
  extra["extra"] = true;
  for (const std::string& bad :
       {file + "\n", " " + file, pretty(whole), canonical(swapped), canonical(doubled),
        canonical(unsigned_one), canonical(extra), std::string("[]"), std::string()}) {
    EXPECT_FALSE(parse_envelope(as_bytes(bad))) << bad.substr(0, 80);
  }
}

TEST_F(Dsse, LooseKeysOfAnEnvelopeFromOutside) {
  const Envelope envelope = sign({"lead", "audit"});
  const PublicKey lead = key("lead").public_key();
  const PublicKey audit = key("audit").public_key();
  EXPECT_TRUE(verify_envelope(envelope, std::vector{lead, audit}, 2));
  EXPECT_FALSE(verify_envelope(envelope, std::vector{lead, audit}, 3));
  EXPECT_FALSE(verify_envelope(envelope, std::vector{lead}, 1)) << "a signature by a key that is not trusted";
}

TEST_F(Dsse, StatementsAreStrict) {
  const Statement statement{
      {{"a", sha256("a")}, {"b", sha256("b")}}, std::string(predicate::kSeal), {{"rows", 3}}};
  const std::string text = serialize(statement);
  const auto back = parse_statement(as_bytes(text));
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->subjects, statement.subjects);
  EXPECT_TRUE(back->has_subject(sha256("b")));
  EXPECT_FALSE(back->has_subject(sha256("c")));
  const auto changed = [&](const std::function<void(Json&)>& change) {
    Json whole = *parse_json(text);
    change(whole);
    return parse_statement(as_bytes(canonical(whole))).has_value();
  };
  EXPECT_TRUE(changed([](Json&) {}));
  EXPECT_FALSE(changed([](Json& j) { j["_type"] = "https://in-toto.io/Statement/v0.1"; }));
  EXPECT_FALSE(changed([](Json& j) { j["subject"] = Json::array(); }));
  EXPECT_FALSE(changed([](Json& j) { j["subject"][0]["digest"]["sha1"] = "00"; }));
  EXPECT_FALSE(changed([](Json& j) { j["subject"][1]["name"] = "a"; }));
  EXPECT_FALSE(changed([](Json& j) { j["subject"][0]["digest"]["sha256"] = sha256("a").hex().substr(1); }));
  EXPECT_FALSE(changed([](Json& j) { j["more"] = 1; }));
  EXPECT_FALSE(parse_statement(as_bytes(pretty(*parse_json(text)))));
}

TEST_F(Dsse, ProvenanceIsSlsaV1) {
  const Json made = to_json(Provenance{.build_type = "https://sallyport.dev/stage/training/v1",
                                       .external_parameters = {{"seed", 7}},
                                       .dependencies = {{"train", sha256("rows")}},
                                       .builder_id = "https://sallyport.dev/runner",
                                       .builder_version = "1",
                                       .invocation_id = "x",
                                       .started_on = "2026-01-01T00:00:00Z",
                                       .finished_on = "2026-01-01T00:00:01Z"});
  EXPECT_EQ(made["buildDefinition"]["buildType"], "https://sallyport.dev/stage/training/v1");
  EXPECT_EQ(made["buildDefinition"]["externalParameters"]["seed"], 7);
  EXPECT_EQ(made["buildDefinition"]["resolvedDependencies"][0]["digest"]["sha256"], sha256("rows").hex());
  EXPECT_EQ(made["runDetails"]["builder"]["id"], "https://sallyport.dev/runner");
  EXPECT_EQ(made["runDetails"]["metadata"]["startedOn"], "2026-01-01T00:00:00Z");
}

}  // namespace
}  // namespace sallyport::trust
