#include "trust/claims.h"

#include <gtest/gtest.h>

#include "trust/root.h"

namespace sallyport::trust {
namespace {

const Digest kModel = sha256("model");
const Digest kExported = sha256("exported");

SignedClaim evaluation_of(const Digest& model, std::int64_t log_index, double accuracy = 0.9) {
  const EvaluationPredicate said{
      .metrics = {{"accuracy", accuracy}}, .sample_size = 10, .expires_unix_s = 2000};
  return {.predicate_type = std::string(predicate::kEvaluation),
          .subjects = {model},
          .roles = {std::string(role::kEvaluator)},
          .signers = {"evaluator"},
          .log_index = log_index,
          .predicate = to_json(said)};
}

SignedClaim gate_over(const Digest& output, const Digest& input, Stage stage, const std::string& verdict) {
  GatePredicate gate{.stage = stage, .pipeline_name = "digits", .verdict = verdict};
  gate.inputs.push_back({"model", input});
  return {.predicate_type = std::string(predicate::kGate),
          .subjects = {output},
          .roles = {std::string(role::kRunner)},
          .signers = {"runner"},
          .log_index = 7,
          .predicate = to_json(gate)};
}

PromotionSubject candidate(const Digest& artifact, const std::vector<SignedClaim>& claims,
                           Json request = {}) {
  return {.artifact = artifact, .now_unix_s = 1000, .claims = claims, .request = std::move(request)};
}

TEST(Claims, APendingClaimStandsOnlyWhereTheRunnerSaysSo) {
  const std::vector<SignedClaim> claims{evaluation_of(kModel, -1)};
  EXPECT_TRUE(evaluations_of(candidate(kModel, claims)).standing.empty());
  for (const Json& request : {Json(), Json::object(), Json{{"pending", false}}, Json{{"pending", "true"}},
                              Json::array({"pending", true})}) {
    EXPECT_TRUE(evaluations_of(candidate(kModel, claims, request)).standing.empty()) << request.dump();
  }
  EXPECT_EQ(evaluations_of(candidate(kModel, claims, Json{{"pending", true}})).standing.size(), 1u);
}

TEST(Claims, TheNewestComesLastAndAPendingOneIsNewest) {
  const std::vector<SignedClaim> claims{evaluation_of(kModel, -1, 0.3), evaluation_of(kModel, 9, 0.2),
                                        evaluation_of(kModel, 4, 0.1)};
  const EvaluationClaims found = evaluations_of(candidate(kModel, claims, Json{{"pending", true}}));
  ASSERT_EQ(found.standing.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_DOUBLE_EQ(found.standing[i].said.metrics["accuracy"].get<double>(),
                     0.1 * static_cast<double>(i + 1));
  }
}

TEST(Claims, OnlyAPassingExportGateOfTheRunnerExtendsTheLineage) {
  const SignedClaim good = gate_over(kExported, kModel, Stage::kExport, "pass");
  EXPECT_EQ(lineage_of(candidate(kExported, {{good}})), (std::vector<Digest>{kExported, kModel}));

  std::vector<SignedClaim> bad{gate_over(kExported, kModel, Stage::kExport, "block"),
                               gate_over(kExported, kModel, Stage::kRegistry, "pass"),
                               gate_over(sha256("else"), kModel, Stage::kExport, "pass"),
                               good,
                               good,
                               good};
  bad[3].roles = {std::string(role::kProducer)};
  bad[4].log_index = -1;
  bad[5].predicate["smuggled"] = true;
  for (const SignedClaim& claim : bad) {
    const std::vector<SignedClaim> claims{claim, evaluation_of(kModel, 3)};
    EXPECT_EQ(lineage_of(candidate(kExported, claims, Json{{"pending", true}})).size(), 1u);
    const EvaluationClaims found = evaluations_of(candidate(kExported, claims));
    EXPECT_TRUE(found.standing.empty());
    EXPECT_EQ(found.refused.size(), 1u);
  }
}

TEST(Claims, ARoleCountsOnceForEachKeyThatHoldsIt) {
  SignedClaim claim = evaluation_of(kModel, 1);
  claim.roles = {"approver", "lead", "approver", "audit"};
  EXPECT_EQ(signers_in(claim, role::kApprover), 2u);
  EXPECT_EQ(signers_in(claim, role::kLead), 1u);
  EXPECT_EQ(signers_in(claim, role::kEvaluator), 0u);
}

}  // namespace
}  // namespace sallyport::trust
