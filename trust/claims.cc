#include "trust/claims.h"

#include <algorithm>

#include "trust/root.h"

namespace sallyport::trust {
namespace {

// Why an evaluation does not count, or what it says.
Result<EvaluationPredicate> read_evaluation(const SignedClaim& claim, const PromotionSubject& subject,
                                            const std::vector<Digest>& lineage) {
  const std::string what = "the evaluation " + place_of(claim);
  const bool about = std::any_of(lineage.begin(), lineage.end(),
                                 [&](const Digest& digest) { return is_about(claim, digest); });
  if (!about) {
    const std::string of = claim.subjects.empty() ? "" : ", sha256:" + claim.subjects.front().brief() + "...";
    return fail(ErrorKind::kDenied, what + " is of another model" + of);
  }
  if (signers_in(claim, role::kEvaluator) == 0) {
    return fail(ErrorKind::kDenied, what + " was not signed by the evaluator");
  }
  if (!stands(claim, subject)) return fail(ErrorKind::kDenied, what + " is not in the log");
  Result<EvaluationPredicate> said = parse_evaluation(claim.predicate);
  if (!said) return within(what, said.error());
  return said;
}

}  // namespace

std::size_t signers_in(const SignedClaim& claim, std::string_view role) {
  return static_cast<std::size_t>(std::count(claim.roles.begin(), claim.roles.end(), role));
}

bool is_about(const SignedClaim& claim, const Digest& digest) {
  return std::find(claim.subjects.begin(), claim.subjects.end(), digest) != claim.subjects.end();
}

bool stands(const SignedClaim& claim, const PromotionSubject& subject) {
  if (claim.log_index >= 0) return true;
  const Json& request = subject.request;
  if (!request.is_object()) return false;
  const auto pending = request.find("pending");
  return pending != request.end() && pending->is_boolean() && pending->get<bool>();
}

std::string place_of(const SignedClaim& claim) {
  return claim.log_index < 0 ? "(not logged yet)" : "at log #" + std::to_string(claim.log_index);
}

bool is_newer(const SignedClaim& a, const SignedClaim& b) {
  if (a.log_index < 0 || b.log_index < 0) return a.log_index < 0 && b.log_index >= 0;
  return a.log_index > b.log_index;
}

std::vector<Digest> lineage_of(const PromotionSubject& subject) {
  std::vector<Digest> out{subject.artifact};
  for (const SignedClaim& claim : subject.claims) {
    if (claim.predicate_type != predicate::kGate || claim.log_index < 0) continue;
    if (!is_about(claim, subject.artifact) || signers_in(claim, role::kRunner) == 0) continue;
    const Result<GatePredicate> gate = parse_gate(claim.predicate);
    if (!gate || gate->stage != Stage::kExport || !gate->passes()) continue;
    for (const NamedDigest& input : gate->inputs) {
      if (std::find(out.begin(), out.end(), input.digest) == out.end()) out.push_back(input.digest);
    }
  }
  return out;
}

EvaluationClaims evaluations_of(const PromotionSubject& subject) {
  const std::vector<Digest> lineage = lineage_of(subject);
  EvaluationClaims out;
  for (const SignedClaim& claim : subject.claims) {
    if (claim.predicate_type != predicate::kEvaluation) continue;
    Result<EvaluationPredicate> said = read_evaluation(claim, subject, lineage);
    if (said) out.standing.push_back({&claim, std::move(*said)});
    if (!said) out.refused.push_back(said.error().message);
  }
  std::stable_sort(
      out.standing.begin(), out.standing.end(),
      [](const EvaluationClaim& a, const EvaluationClaim& b) { return is_newer(*b.claim, *a.claim); });
  return out;
}

}  // namespace sallyport::trust
