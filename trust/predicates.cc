#include "trust/predicates.h"

#include <set>

#include "core/env.h"
#include "trust/members.h"

namespace sallyport::trust {
namespace {

Result<GatePredicate> read_gate(const Json& json) {
  TRY(only_members(json, {"stage", "pipeline", "inputs", "guards", "findings", "reasons", "verdict", "policy",
                          "step", "sandbox", "runner", "startedOn", "finishedOn"}));
  GatePredicate out;
  const std::string stage = TRY(get_string(json, "stage"));
  const auto known = stage_named(stage);
  if (!known) return invalid("'" + stage + "' is not a stage");
  out.stage = *known;
  const Json pipeline = TRY(get_object(json, "pipeline"));
  TRY(only_members(pipeline, {"name", "digest"}));
  out.pipeline_name = TRY(get_string(pipeline, "name"));
  out.pipeline_digest = TRY(get_digest(pipeline, "digest"));
  out.inputs = TRY(get_named(json, "inputs"));
  out.guards = TRY(get_array(json, "guards"));
  out.findings = TRY(get_array(json, "findings"));
  out.reasons = TRY(get_array(json, "reasons"));
  out.verdict = TRY(get_string(json, "verdict"));
  const Json policy = TRY(get_object(json, "policy"));
  TRY(only_members(policy, {"digest"}));
  out.policy_digest = TRY(get_digest(policy, "digest"));
  out.step = TRY(get_object(json, "step"));
  out.sandbox = TRY(get_object(json, "sandbox"));
  out.runner = TRY(get_object(json, "runner"));
  out.started_on = TRY(get_time(json, "startedOn"));
  out.finished_on = TRY(get_time(json, "finishedOn"));
  return out;
}

}  // namespace

Json to_json(const GatePredicate& gate) {
  return {{"stage", std::string(name_of(gate.stage))},
          {"pipeline", {{"name", gate.pipeline_name}, {"digest", gate.pipeline_digest.hex()}}},
          {"inputs", named_json(gate.inputs)},
          {"guards", gate.guards},
          {"findings", gate.findings},
          {"reasons", gate.reasons},
          {"verdict", gate.verdict},
          {"policy", {{"digest", gate.policy_digest.hex()}}},
          {"step", gate.step},
          {"sandbox", gate.sandbox},
          {"runner", gate.runner},
          {"startedOn", format_time(gate.started_on)},
          {"finishedOn", format_time(gate.finished_on)}};
}

std::size_t guard_count(const Json& guards) {
  std::set<std::string> names;
  for (const Json& guard : guards) {
    const Result<std::string> id = get_string(guard, "id");
    if (id) names.insert(*id);
  }
  return names.size();
}

Result<GatePredicate> parse_gate(const Json& predicate) {
  Result<GatePredicate> out = read_gate(predicate);
  if (!out) return within("gate predicate", out.error());
  return out;
}

Json to_json(const BatchPredicate& batch) {
  return {{"feed", batch.feed},
          {"sequence", batch.sequence},
          {"rows", batch.rows},
          {"rowsRoot", batch.rows_root.hex()}};
}

Result<BatchPredicate> parse_batch(const Json& predicate) {
  TRY(only_members(predicate, {"feed", "sequence", "rows", "rowsRoot"}));
  BatchPredicate out;
  out.feed = TRY(get_string(predicate, "feed"));
  out.sequence = TRY(get_count(predicate, "sequence", 0));
  out.rows = TRY(get_count(predicate, "rows", 0));
  out.rows_root = TRY(get_digest(predicate, "rowsRoot"));
  return out;
}

Json to_json(const SealPredicate& seal) {
  return {{"split", seal.split},
          {"rows", seal.rows},
          {"rowsRoot", seal.rows_root.hex()},
          {"details", seal.details}};
}

Result<SealPredicate> parse_seal(const Json& predicate) {
  TRY(only_members(predicate, {"split", "rows", "rowsRoot", "details"}));
  SealPredicate out;
  out.split = TRY(get_string(predicate, "split"));
  out.rows = TRY(get_count(predicate, "rows", 0));
  out.rows_root = TRY(get_digest(predicate, "rowsRoot"));
  out.details = TRY(get_object(predicate, "details"));
  return out;
}

Json to_json(const EvaluationPredicate& evaluation) {
  return {{"metrics", evaluation.metrics},
          {"robustness", evaluation.robustness},
          {"sampleSize", evaluation.sample_size},
          {"evaluationSet", evaluation.evaluation_set.hex()},
          {"expires", format_time(evaluation.expires_unix_s)}};
}

Result<EvaluationPredicate> parse_evaluation(const Json& predicate) {
  TRY(only_members(predicate, {"metrics", "robustness", "sampleSize", "evaluationSet", "expires"}));
  EvaluationPredicate out;
  out.metrics = TRY(get_object(predicate, "metrics"));
  out.robustness = TRY(get_object(predicate, "robustness"));
  out.sample_size = TRY(get_count(predicate, "sampleSize", 0));
  out.evaluation_set = TRY(get_digest(predicate, "evaluationSet"));
  out.expires_unix_s = TRY(get_time(predicate, "expires"));
  return out;
}

Json to_json(const VersionPredicate& version) {
  return {{"model", version.model}, {"version", version.version}};
}

Result<VersionPredicate> parse_version(const Json& predicate) {
  TRY(only_members(predicate, {"model", "version"}));
  VersionPredicate out;
  out.model = TRY(get_string(predicate, "model"));
  out.version = TRY(get_count(predicate, "version", 1));
  return out;
}

Json to_json(const AliasPredicate& alias) {
  return {{"model", alias.model},
          {"alias", alias.alias},
          {"version", alias.version},
          {"sequence", alias.sequence},
          {"expires", format_time(alias.expires_unix_s)}};
}

Result<AliasPredicate> parse_alias(const Json& predicate) {
  TRY(only_members(predicate, {"model", "alias", "version", "sequence", "expires"}));
  AliasPredicate out;
  out.model = TRY(get_string(predicate, "model"));
  out.alias = TRY(get_string(predicate, "alias"));
  out.version = TRY(get_count(predicate, "version", 1));
  out.sequence = TRY(get_count(predicate, "sequence", 1));
  out.expires_unix_s = TRY(get_time(predicate, "expires"));
  return out;
}

}  // namespace sallyport::trust
