// The pipeline runner: sixteen stages, each confined, searched, judged, attested and logged before the next
// starts.
//
// Nothing is trusted that is not re-verified: a stage counts as done when the ledger holds a passing gate
// attestation whose key equals the stage's (definition, inputs, policy, tool) and whose outputs are in the
// store. So an unchanged stage is not run again, and a run that was killed anywhere goes on where its last
// attestation stands.
//
// One run at a time holds the workspace's lock.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/gate.h"
#include "services/pipeline/definition.h"
#include "trust/workspace.h"

namespace sallyport::services::pipeline {

enum class EventKind : std::uint8_t { kStageStarted, kNote, kStageFinished };

struct StageResult {
  Stage stage = Stage::kAcquisition;
  Verdict verdict = Verdict::kPass;
  bool unchanged = false;  // taken from an earlier run's attestation
  double seconds = 0;      // wall time of the whole stage
  double step_seconds = 0; // of its step alone, without guards and attestation
  std::vector<std::pair<std::string, Digest>> outputs = {};
  std::vector<std::string> reasons = {};
  std::optional<GateReport> gate = {};  // absent when unchanged
  Json predicate = {};                  // of the gate attestation
  Digest attestation = {};              // SHA-256 of the envelope
  std::int64_t log_index = -1;
};

struct Event {
  EventKind kind = EventKind::kNote;
  Stage stage = Stage::kAcquisition;
  std::string text = {};
  const StageResult* result = nullptr;  // when finished
};

struct RunOptions {
  fs::path project;                                     // the folder of the pipeline file
  std::optional<Stage> until = {};                      // stop after this stage
  std::function<void(const Event&)> on_event = {};
};

struct RunReport {
  Verdict verdict = Verdict::kPass;
  std::string pipeline = {};
  std::vector<StageResult> stages = {};
  std::string reason = {};  // of the stage that stopped the run
  std::string hint = {};
};

// Runs the pipeline of `options.project` against its workspace `.sallyport/`. A blocked gate is a report with
// kBlock; an Error means that the run could not be made (no keys, bad definition, disk full).
Result<RunReport> run_pipeline(Env& env, const Definition& definition, const Policy& policy,
                               const RunOptions& options);

Json to_json(const RunReport& report);

// Reads PROJECT/pipeline.yaml and the policy that it names.
struct Project {
  fs::path folder;
  Definition definition;
  Policy policy;
};
Result<Project> load_project(Env& env, const fs::path& folder);
// Only the policy: that of the pipeline file where there is one, else the default.
Result<Policy> project_policy(Env& env, const fs::path& folder);

// The lead's approval of a pipeline file: a signed statement whose subject is the file's digest. The runner
// executes no definition without one.
inline constexpr std::string_view kDefinitionPredicate = "https://sallyport.dev/definition/v1";
Result<std::int64_t> sign_definition(Env& env, const fs::path& folder);
// ErrorKind::kDenied when no statement of the lead in the ledger names this definition.
Result<void> require_signed_definition(const trust::Ledger& ledger, const trust::Root& root,
                                       const Digest& definition);

// Where acquisition reads, relative to the project's folder.
struct FeedFiles {
  std::string data;
  std::string manifest;  // the producer's envelope
};
Result<FeedFiles> feed_files(const Definition& definition);

}  // namespace sallyport::services::pipeline
