// The predicates of our own, as records: what each statement of ARCHITECTURE.md says, read strictly.
//
// `to_json` writes the predicate, `parse_*` reads it back with a closed schema. Times are RFC 3339 in UTC in
// JSON and Unix seconds here. Values only; safe from any thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/stage.h"
#include "trust/statement.h"

namespace sallyport::trust {

// A gate's attestation; its statement's subjects are the stage's outputs.
//
// The inputs of acquisition name what came from outside: a file that is a subject of a batch statement, or a
// directory each of whose files is one (the batch envelope itself excepted).
struct GatePredicate {
  Stage stage = Stage::kAcquisition;
  std::string pipeline_name = {};
  Digest pipeline_digest = {};
  std::vector<NamedDigest> inputs = {};
  Json guards = Json::array();
  Json findings = Json::array();
  Json reasons = Json::array();
  std::string verdict = {};  // pass, warn, block or cannot-tell, as name_of(Verdict) spells it
  Digest policy_digest = {};
  Json step = Json::object();
  Json sandbox = Json::object();
  Json runner = Json::object();
  std::int64_t started_on = 0;
  std::int64_t finished_on = 0;

  bool passes() const { return verdict == "pass" || verdict == "warn"; }
};
Json to_json(const GatePredicate& gate);
// How many guards a gate's list names: one stands in it once for each thing that it looked at.
std::size_t guard_count(const Json& guards);
Result<GatePredicate> parse_gate(const Json& predicate);

// A producer's batch; the subjects are the feed's files.
struct BatchPredicate {
  std::string feed = {};
  std::int64_t sequence = 0;
  std::int64_t rows = 0;
  Digest rows_root = {};  // Merkle root (RFC 6962) of the rows
};
Json to_json(const BatchPredicate& batch);
Result<BatchPredicate> parse_batch(const Json& predicate);

// The seal of an evaluation split; the subject is the split.
struct SealPredicate {
  std::string split = {};  // "test"
  std::int64_t rows = 0;
  Digest rows_root = {};
  Json details = Json::object();
};
Json to_json(const SealPredicate& seal);
Result<SealPredicate> parse_seal(const Json& predicate);

// What an evaluator measured of a model; the subject is the model.
struct EvaluationPredicate {
  Json metrics = Json::object();
  Json robustness = Json::object();
  std::int64_t sample_size = 0;
  Digest evaluation_set = {};
  std::int64_t expires_unix_s = 0;
};
Json to_json(const EvaluationPredicate& evaluation);
Result<EvaluationPredicate> parse_evaluation(const Json& predicate);

// A version of a model in the registry; the subject is the exported model.
struct VersionPredicate {
  std::string model = {};
  std::int64_t version = 0;  // from 1
};
Json to_json(const VersionPredicate& version);
Result<VersionPredicate> parse_version(const Json& predicate);

// A move of an alias, "digits" "champion" to version 4; the subject is the exported model.
struct AliasPredicate {
  std::string model = {};
  std::string alias = {};
  std::int64_t version = 0;
  std::int64_t sequence = 0;  // from 1, one up with each move of this alias of this model
  std::int64_t expires_unix_s = 0;
};
Json to_json(const AliasPredicate& alias);
Result<AliasPredicate> parse_alias(const Json& predicate);

}  // namespace sallyport::trust
