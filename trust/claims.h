// What the signed claims about a candidate for promotion amount to.
//
// Guards of several stages read the same claims; how a claim counts is said here once. A claim stands when it
// is in the log, or when the runner presents it to be logged with this very gate (request {"pending": true}).
// Values and views of the subject; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/guard.h"
#include "trust/predicates.h"

namespace sallyport::trust {

// How many of the keys that signed hold the role.
std::size_t signers_in(const SignedClaim& claim, std::string_view role);
bool is_about(const SignedClaim& claim, const Digest& digest);
bool stands(const SignedClaim& claim, const PromotionSubject& subject);
// "at log #12", or "(not logged yet)".
std::string place_of(const SignedClaim& claim);
// Pending claims are newer than every logged one.
bool is_newer(const SignedClaim& a, const SignedClaim& b);

// The candidate and, when a passing export gate of the runner made it, what that gate read: a statement about
// the model that was exported speaks for what it was exported to.
std::vector<Digest> lineage_of(const PromotionSubject& subject);

struct EvaluationClaim {
  const SignedClaim* claim = nullptr;
  EvaluationPredicate said = {};
};
struct EvaluationClaims {
  std::vector<EvaluationClaim> standing = {};  // by the evaluator, about the lineage; oldest first
  std::vector<std::string> refused = {};       // why each other evaluation does not count
};
EvaluationClaims evaluations_of(const PromotionSubject& subject);

}  // namespace sallyport::trust
