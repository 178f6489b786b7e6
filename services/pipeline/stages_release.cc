// From a validated model to a registered version: the record of what was measured, the exported form, the
// registry.
#include "services/pipeline/stages.h"

#include <algorithm>

#include "learn/matrix.h"
#include "learn/network.h"
#include "services/metadata/metadata.h"
#include "services/pipeline/pack.h"
#include "services/pipeline/probe.h"
#include "services/registry/registry.h"

namespace sallyport::services::pipeline {
namespace {

// ---- metadata store

// What promotion will read later: the signed metrics of the model, each with the statement that backs it.
Result<void> record(StageContext& context) {
  RunState& run = context.run();
  const Digest model = TRY(context.digest_of("model"));
  Json metrics = Json::object();
  for (const metadata::Metric& metric : TRY(metadata::signed_metrics(run.ledger, run.root))) {
    if (metric.model != model) continue;
    metrics[metric.name] = {
        {"value", metric.value}, {"statement", metric.statement.hex()}, {"logIndex", metric.log_index}};
  }
  if (metrics.empty()) {
    return fail(ErrorKind::kDenied,
                "no signed evaluation of model sha256:" + model.brief() + "... is in the log",
                "let the validation stage run: it signs what it measures");
  }
  context.step = {{"kind", "built-in"}};
  return context.write("record", pretty(Json{{"pipeline", context.definition().name},
                                             {"model", model.hex()},
                                             {"dataset", TRY(context.digest_of("dataset")).hex()},
                                             {"validation", TRY(context.digest_of("validation")).hex()},
                                             {"metrics", metrics}}));
}

Result<void> present_record(StageContext& context) {
  RunState& run = context.run();
  TRY(metadata::sync(run.workspace, run.ledger, run.root));
  const Json record_made = TRY(context.read_json("record"));
  Json request = Json::object();
  if (record_made.contains("metrics")) request["metrics"] = TRY(get_object(record_made, "metrics"));
  return context.present_promotion("model", {TRY(context.digest_of("model"))}, {}, std::move(request));
}

// ---- export

Result<void> export_model(StageContext& context) {
  context.step = {{"kind", "built-in"}};
  return context.execute_step("export");
}

Result<void> present_files_of(StageContext& context, const std::string& artifact) {
  const trust::Manifest manifest = TRY(context.run().store.manifest(TRY(context.digest_of(artifact))));
  for (const trust::ManifestEntry& entry : manifest.entries) {
    if (entry.mode == trust::EntryMode::kEmptyDirectory) continue;
    context.present_file(artifact + "/" + entry.path, TRY(context.bytes_of(artifact, entry.path)));
  }
  return {};
}

// The exported model, run by the engine that will serve it, must answer as the trained network does.
Result<void> check_against_network(StageContext& context) {
  const learn::Model model = TRY(learn::read_model(as_text(TRY(context.bytes_of("model", "model.json"))),
                                                   TRY(context.bytes_of("model", "model.safetensors"))));
  const learn::Matrix features = TRY(learn::features_of(*TRY(context.table("test"))));
  const double difference =
      TRY(probe_disagreement(TRY(context.bytes_of("exported", "model.onnx")), model, features));
  context.step["largestDifference"] = difference;
  context.step["comparedRows"] = features.rows();
  if (difference <= kProbeTolerance) return {};
  return fail(ErrorKind::kDenied,
              "the exported model answers differently from the trained one, by " + number_text(difference));
}

Result<void> present_exported(StageContext& context) {
  TRY(check_against_network(context));
  TRY(present_files_of(context, "model"));
  return present_files_of(context, "exported");
}

// ---- registry

struct Target {
  std::string model;
  std::string alias;
  std::vector<std::string> approve;
};

Result<Target> target_of(const StageContext& context) {
  const Json& options = context.spec().options;
  Target out{.model = context.definition().name, .alias = "champion", .approve = {}};
  if (options.contains("model")) out.model = TRY(get_string(options, "model"));
  if (options.contains("alias")) out.alias = TRY(get_string(options, "alias"));
  if (!options.contains("approve")) return out;
  for (const Json& name : TRY(get_array(options, "approve"))) {
    if (!name.is_string()) return invalid("registry: approve: names of keys were expected");
    out.approve.push_back(name.get<std::string>());
  }
  return out;
}

Result<Json> registered_so_far(StageContext& context) {
  // A version or a move that somebody made since must not be taken from an old attestation.
  const auto& ledger = context.run().ledger;
  return Json{{"versions", ledger.find_type(trust::predicate::kVersion).size()},
              {"moves", ledger.find_type(trust::predicate::kAlias).size()}};
}

Result<void> register_version(StageContext& context) {
  RunState& run = context.run();
  const Target target = TRY(target_of(context));
  const Digest exported = TRY(context.digest_of("exported"));
  const registry::VersionOffer offer =
      TRY(registry::offer_version(run.ledger, run.root, target.model, exported));
  context.step = {{"kind", "built-in"}};
  return context.write("version", pretty(Json{{"model", target.model},
                                              {"version", offer.version},
                                              {"alias", target.alias},
                                              {"exported", exported.hex()},
                                              {"record", TRY(context.digest_of("record")).hex()}}));
}

// The alias moves with the gate when the approvers' keys are here; else the move is proposed and waits for
// them.
Result<void> present_version(StageContext& context) {
  RunState& run = context.run();
  const Target target = TRY(target_of(context));
  const Digest exported = TRY(context.digest_of("exported"));
  const Digest model = TRY(context.digest_of("model"));
  const registry::VersionOffer offer =
      TRY(registry::offer_version(run.ledger, run.root, target.model, exported));
  if (!offer.registered) TRY(context.sign(offer.statement, {"registrar"}));
  const auto current =
      trust::resolve_alias(run.ledger, run.root, run.policy, target.model, target.alias, run.started_unix_s);
  const bool stands = current && current->version == offer.version && current->artifact == exported;
  if (!stands && !target.approve.empty()) {
    const trust::Statement move = TRY(registry::offer_alias(run.ledger, target.model, target.alias,
                                                            offer.version, exported, run.started_unix_s));
    TRY(context.sign(move, target.approve));
  } else if (!stands) {
    context.note(target.model + "@" + target.alias +
                 " does not move: nobody approved; run `sallyport promote " + target.model + " --version " +
                 std::to_string(offer.version) + " --alias " + target.alias + "`");
  }
  // Version and move are logged with this gate, which therefore takes them as they stand.
  Json request{{"name", target.model}, {"version", offer.version}, {"by", "registrar"}, {"pending", true}};
  if (stands || !target.approve.empty()) {
    request["alias"] = target.alias;
    request["last_sequence"] = current ? current->sequence : 0;
  }
  return context.present_promotion("version", {exported, model}, context.statements, request);
}

}  // namespace

const StageBehaviour kMetadataStore{.produce = record, .present = present_record};
const StageBehaviour kExport{.produce = export_model, .complete = pack_export, .present = present_exported};
const StageBehaviour kRegistry{
    .outside = registered_so_far, .produce = register_version, .present = present_version};

}  // namespace sallyport::services::pipeline
