#include "trust/statement.h"

#include <algorithm>
#include <set>

namespace sallyport::trust {
namespace {

Json subject_json(const NamedDigest& subject) {
  return {{"name", subject.name}, {"digest", {{"sha256", subject.digest.hex()}}}};
}

Json whole_json(const Statement& statement) {
  Json subjects = Json::array();
  for (const NamedDigest& subject : statement.subjects) subjects.push_back(subject_json(subject));
  return {{"_type", std::string(kStatementType)},
          {"subject", subjects},
          {"predicateType", statement.predicate_type},
          {"predicate", statement.predicate}};
}

Result<Statement> read_statement(BytesView payload) {
  const Json whole = TRY(parse_json(as_text(payload)));
  TRY(only_members(whole, {"_type", "subject", "predicateType", "predicate"}));
  if (TRY(get_string(whole, "_type")) != kStatementType)
    return invalid("_type is not " + std::string(kStatementType));
  Statement out;
  out.predicate_type = TRY(get_string(whole, "predicateType"));
  out.predicate = TRY(get_object(whole, "predicate"));
  std::set<std::string> names;
  for (const Json& item : TRY(get_array(whole, "subject"))) {
    TRY(only_members(item, {"name", "digest"}));
    const Json digests = TRY(get_object(item, "digest"));
    TRY(only_members(digests, {"sha256"}));
    NamedDigest subject;
    subject.name = TRY(get_string(item, "name"));
    subject.digest = TRY(Digest::parse(TRY(get_string(digests, "sha256"))));
    if (!names.insert(subject.name).second) return invalid("two subjects are named '" + subject.name + "'");
    out.subjects.push_back(std::move(subject));
  }
  if (out.subjects.empty()) return invalid("no subject");
  if (serialize(out) != as_text(payload)) return invalid("not in canonical JSON");
  return out;
}

}  // namespace

bool Statement::has_subject(const Digest& digest) const {
  return std::any_of(subjects.begin(), subjects.end(),
                     [&](const NamedDigest& s) { return s.digest == digest; });
}

Result<Statement> parse_statement(BytesView payload) {
  Result<Statement> out = read_statement(payload);
  if (!out) return within("statement", out.error());
  return out;
}

Result<Statement> statement_of(const Envelope& envelope) {
  if (envelope.payload_type != kInTotoPayloadType) {
    return invalid("envelope: payload type '" + envelope.payload_type + "' is not " +
                   std::string(kInTotoPayloadType));
  }
  return parse_statement(envelope.payload);
}

std::string serialize(const Statement& statement) { return canonical(whole_json(statement)); }

Envelope sign_statement(const Statement& statement, std::span<const PrivateKey> signers) {
  return sign_envelope(kInTotoPayloadType, as_bytes(serialize(statement)), signers);
}

Json to_json(const Provenance& provenance) {
  Json dependencies = Json::array();
  for (const NamedDigest& one : provenance.dependencies) dependencies.push_back(subject_json(one));
  return {{"buildDefinition",
           {{"buildType", provenance.build_type},
            {"externalParameters", provenance.external_parameters},
            {"internalParameters", provenance.internal_parameters},
            {"resolvedDependencies", dependencies}}},
          {"runDetails",
           {{"builder",
             {{"id", provenance.builder_id}, {"version", {{"sallyport", provenance.builder_version}}}}},
            {"metadata",
             {{"invocationId", provenance.invocation_id},
              {"startedOn", provenance.started_on},
              {"finishedOn", provenance.finished_on}}}}}};
}

}  // namespace sallyport::trust
