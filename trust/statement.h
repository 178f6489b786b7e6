// In-toto Statement v1 (in-toto/attestation, spec/v1), and SLSA provenance v1 as its predicate.
//
// A statement says something (the predicate) about subjects named by SHA-256. Ours are written as canonical
// JSON and read back only in that spelling. Values only; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/digest.h"
#include "core/json.h"
#include "trust/dsse.h"

namespace sallyport::trust {

inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";

namespace predicate {
inline constexpr std::string_view kGate = "https://sallyport.dev/gate/v1";
inline constexpr std::string_view kProvenance = "https://slsa.dev/provenance/v1";
inline constexpr std::string_view kBatch = "https://sallyport.dev/batch/v1";
inline constexpr std::string_view kSeal = "https://sallyport.dev/seal/v1";
inline constexpr std::string_view kEvaluation = "https://sallyport.dev/evaluation/v1";
inline constexpr std::string_view kVersion = "https://sallyport.dev/version/v1";
inline constexpr std::string_view kAlias = "https://sallyport.dev/alias/v1";
}  // namespace predicate

// A digest with the name that the stage, the feed or the model gives it.
struct NamedDigest {
  std::string name = {};
  Digest digest = {};
  bool operator==(const NamedDigest&) const = default;
};

struct Statement {
  std::vector<NamedDigest> subjects = {};  // at least one, names unique
  std::string predicate_type = {};
  Json predicate = {};

  bool has_subject(const Digest& digest) const;
};

Result<Statement> parse_statement(BytesView payload);
// The statement in an envelope of payload type kInTotoPayloadType.
Result<Statement> statement_of(const Envelope& envelope);
std::string serialize(const Statement& statement);
Envelope sign_statement(const Statement& statement, std::span<const PrivateKey> signers);

// SLSA provenance v1: how the runner produced the subjects.
struct Provenance {
  std::string build_type = {};  // "https://sallyport.dev/stage/training/v1"
  Json external_parameters = Json::object();
  Json internal_parameters = Json::object();
  std::vector<NamedDigest> dependencies = {};
  std::string builder_id = {};  // "https://sallyport.dev/runner"
  std::string builder_version = {};
  std::string invocation_id = {};
  std::string started_on = {};  // RFC 3339, UTC
  std::string finished_on = {};
};
Json to_json(const Provenance& provenance);

}  // namespace sallyport::trust
