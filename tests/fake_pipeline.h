// A workspace with a finished run in it, without a runner: the attestations that sixteen honest stages would
// leave.
//
// For tests of whatever reads a chain. The artifacts are a line of text each; `run` writes gates for the
// stages up to and with `last`, the producer's batch, the seal, the evaluation, the version and the alias
// where they belong.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/policy.h"
#include "trust/chain.h"

namespace sallyport::tests {

struct FakeStage {
  Stage stage;
  std::vector<std::string> reads;
  std::vector<std::string> writes;
};

inline const std::vector<FakeStage>& fake_stages() {
  static const std::vector<FakeStage> table{
      {Stage::kAcquisition, {"feed"}, {"raw"}},
      {Stage::kPreprocessing, {"raw"}, {"clean"}},
      {Stage::kAnalysis, {"clean"}, {"analysis"}},
      {Stage::kPreparation, {"clean", "analysis"}, {"train", "test", "seal"}},
      {Stage::kVersionedData, {"train", "test", "seal"}, {"dataset"}},
      {Stage::kCodeRepository, {"project"}, {"code"}},
      {Stage::kPipeline, {"project"}, {"definition"}},
      {Stage::kTraining, {"dataset", "train", "code", "definition"}, {"model"}},
      {Stage::kValidation, {"model", "test", "seal"}, {"validation"}},
      {Stage::kMetadataStore, {"validation", "model", "dataset"}, {"record"}},
      {Stage::kExport, {"model", "record", "test"}, {"exported"}},
      {Stage::kRegistry, {"exported", "record", "validation"}, {"version"}},
      {Stage::kServing, {"version", "exported", "test"}, {"served"}},
  };
  return table;
}

struct FakePipeline {
  Env& env;
  trust::Workspace workspace;
  Policy policy = *parse_policy("", "default policy");
  std::int64_t now = 0;
  std::string salt = {};  // changes every artifact
  std::map<std::string, Digest> artifacts = {};

  static Result<FakePipeline> create(Env& env, const fs::path& project) {
    TRY(env.make_directories(project));
    FakePipeline out{
        .env = env, .workspace = TRY(trust::create_workspace(env, project)), .now = env.now_unix_s()};
    return out;
  }

  // Signs with the keys of these names and logs.
  Result<std::uint64_t> log(const trust::Statement& statement, const std::vector<std::string>& keys) const {
    const trust::Root root = TRY(workspace.load_root());
    trust::Ledger ledger = TRY(workspace.open_ledger(root));
    std::vector<trust::PrivateKey> signers;
    for (const std::string& name : keys) signers.push_back(TRY(workspace.load_key(name, root)));
    return ledger.add(trust::sign_statement(statement, signers), TRY(workspace.load_key("log", root)));
  }
  Result<std::uint64_t> log(const std::string& name, std::string_view type, const Json& predicate,
                            const std::vector<std::string>& keys) const {
    return log({{{name, artifacts.at(name)}}, std::string(type), predicate}, keys);
  }

  trust::Statement gate_statement(const FakeStage& stage, const std::string& verdict = "pass") const {
    trust::GatePredicate gate{.stage = stage.stage, .pipeline_name = "digits", .verdict = verdict};
    gate.policy_digest = policy.digest;
    for (const std::string& name : stage.reads) gate.inputs.push_back({name, artifacts.at(name)});
    gate.started_on = gate.finished_on = now;
    std::vector<trust::NamedDigest> outputs;
    for (const std::string& name : stage.writes) outputs.push_back({name, artifacts.at(name)});
    return {outputs, std::string(trust::predicate::kGate), trust::to_json(gate)};
  }

  Result<void> put(const std::string& name) {
    artifacts[name] = TRY(workspace.store().put(as_bytes(name + " of the run " + salt + "\n")));
    return {};
  }

  Result<void> run_stage(const FakeStage& stage) {
    for (const std::string& name : stage.reads) {
      if (!artifacts.contains(name)) TRY(put(name));
    }
    for (const std::string& name : stage.writes) TRY(put(name));
    TRY(log(gate_statement(stage), {"runner"}));
    if (stage.stage == Stage::kAcquisition) {
      TRY(log(
          "feed", trust::predicate::kBatch,
          trust::to_json(trust::BatchPredicate{.feed = "digits", .sequence = 1, .rows = 1, .rows_root = {}}),
          {"producer"}));
    } else if (stage.stage == Stage::kPreparation) {
      TRY(log("test", trust::predicate::kSeal, trust::to_json(trust::SealPredicate{.split = "test"}),
              {"lead", "audit"}));
    } else if (stage.stage == Stage::kValidation) {
      const trust::EvaluationPredicate evaluation{.sample_size = 360, .expires_unix_s = now + 86'400};
      TRY(log("model", trust::predicate::kEvaluation, trust::to_json(evaluation), {"evaluator"}));
    } else if (stage.stage == Stage::kRegistry) {
      TRY(log("exported", trust::predicate::kVersion, trust::to_json(trust::VersionPredicate{"digits", 1}),
              {"registrar"}));
      TRY(move_alias(1, 1, {"lead", "audit"}));
    }
    return {};
  }

  Result<std::uint64_t> move_alias(std::int64_t version, std::int64_t sequence,
                                   const std::vector<std::string>& keys,
                                   std::int64_t valid_s = 86'400) const {
    return log("exported", trust::predicate::kAlias,
               trust::to_json(trust::AliasPredicate{.model = "digits",
                                                    .alias = "champion",
                                                    .version = version,
                                                    .sequence = sequence,
                                                    .expires_unix_s = now + valid_s}),
               keys);
  }

  Result<void> run(Stage last = Stage::kServing) {
    for (const FakeStage& stage : fake_stages()) {
      if (stage.stage <= last) TRY(run_stage(stage));
    }
    return {};
  }
};

}  // namespace sallyport::tests
