// What one stage has in hand while it runs: its inputs in the store, a scratch folder, the sandbox, and what
// it leaves for the gate. Internal to services/pipeline; one thread.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/gate.h"
#include "formats/inspect/inspect.h"
#include "services/pipeline/definition.h"
#include "services/pipeline/runner.h"
#include "services/sandbox/sandbox.h"
#include "trust/predicates.h"
#include "trust/workspace.h"

namespace sallyport::services::pipeline {

// The server of the run's last four stages (stages_serving.cc).
struct LiveServer;

// Opened once for a run and shared by its stages.
struct RunState {
  Env& env;
  const trust::Workspace& workspace;
  const trust::Root& root;
  trust::Ledger& ledger;
  trust::Store store;
  const Definition& definition;
  const Policy& policy;
  const RunOptions& options;
  std::int64_t started_unix_s = 0;
  std::map<std::string, Digest> artifacts = {};  // by name, of the stages before this one
  std::shared_ptr<LiveServer> live = {};
};

// A confined command of a stage: the user's, a built-in step, or a worker.
struct StepCommand {
  std::vector<std::string> argv;
  std::vector<std::string> reads = {};  // artifacts to show under /in
  fs::path out = {};                    // what /out is; empty: the stage's own outputs
  Json options = Json::object();        // the runner's own, which win over the pipeline file's
  bool sees_project = false;            // the pipeline's folder at /project, without .sallyport
  sandbox::NewCode new_code = sandbox::NewCode::kDeny;
  sandbox::LocalSockets local_sockets = sandbox::LocalSockets::kPairs;
};

class StageContext {
 public:
  StageContext(RunState& run, const StageSpec& spec, fs::path scratch)
      : run_(run), spec_(spec), scratch_(std::move(scratch)) {}

  RunState& run() { return run_; }
  Env& env() { return run_.env; }
  const StageSpec& spec() const { return spec_; }
  const Definition& definition() const { return run_.definition; }

  fs::path out() const { return scratch_ / "out"; }
  fs::path scratch() const { return scratch_; }

  // Bytes of an input or of a stored output by artifact name, verified against its digest.
  Result<Bytes> read(const std::string& artifact);
  // The same, kept alive by the context for the subjects that point at it.
  Result<BytesView> bytes_of(const std::string& artifact, const std::string& file = {});
  // One file of an artifact that is a directory.
  Result<Bytes> read(const std::string& artifact, const std::string& file);
  Result<Json> read_json(const std::string& artifact, const std::string& file = {});
  // A table with the pipeline's schema; the context keeps it alive for the subjects that point at it.
  Result<const Dataset*> table(const std::string& artifact);
  Result<Digest> digest_of(const std::string& artifact) const;

  // Writes one output file, or one file of an output directory ("exported/model.onnx").
  Result<void> write(const std::string& path, std::string_view text);

  // Runs a command in the sandbox with the stage's limits; its failure is an Error with its last lines.
  Result<void> execute(const StepCommand& command);
  Result<void> execute_step(const std::string& name);

  // Claims: every verified statement in the log about `about`, and the envelopes that are still to be logged.
  Result<void> present_promotion(const std::string& name, const std::vector<Digest>& about,
                                 const std::vector<trust::Envelope>& pending, Json request);
  // Keeps lines alive for the subjects that point at them.
  const std::vector<std::string>& keep_lines(std::vector<std::string> lines) {
    return lines_.emplace_back(std::move(lines));
  }
  void present_repository(const std::string& name, std::vector<RepositoryFile> files);
  // Inspected once, for all guards of files.
  void present_file(const std::string& name, BytesView bytes);

  // Signs a statement with the keys of these names, to be logged with the gate when it passes.
  Result<void> sign(const trust::Statement& statement, const std::vector<std::string>& keys);

  void note(const std::string& text);

  // What the stage leaves for its gate and its attestation.
  Subjects subjects = {};
  std::vector<trust::NamedDigest> outside = {};  // inputs that no stage wrote: the feed
  std::vector<trust::Envelope> statements = {};  // to be logged with the gate when it passes
  Json step = Json::object();
  Json sandbox = Json::array();
  Json planned = Json::array();  // digests of the confinements that were meant, in the order of `sandbox`
  double step_seconds = 0;
  std::map<std::string, Digest> outputs = {};  // once stored

 private:
  Result<sandbox::Confinement> confinement(const StepCommand& command);
  Result<fs::path> input_path(const std::string& artifact);

  RunState& run_;
  const StageSpec& spec_;
  fs::path scratch_;
  std::map<std::string, Bytes> bytes_ = {};
  std::map<std::string, Dataset> tables_ = {};
  std::deque<std::vector<RepositoryFile>> repositories_ = {};
  std::deque<formats::inspect::Inspection> inspections_ = {};
  std::deque<std::vector<SignedClaim>> claims_ = {};
  std::deque<std::vector<std::string>> lines_ = {};
};

// What a stage does, apart from what every stage does.
struct StageBehaviour {
  // What outside the chain decides its outputs, for its cache key: the feed's digest, the project's tree.
  Result<Json> (*outside)(StageContext&) = nullptr;
  // Makes the outputs under out(); the user's command replaces it.
  Result<void> (*produce)(StageContext&) = nullptr;
  // Runs before produce and also before a user's command: what must hold first.
  Result<void> (*admit)(StageContext&) = nullptr;
  // Completes the outputs of either, in the runner, before they are stored.
  Result<void> (*complete)(StageContext&) = nullptr;
  // Hands the stored outputs to the guards and adds the stage's own statements.
  Result<void> (*present)(StageContext&) = nullptr;
};

const StageBehaviour& behaviour_of(Stage stage);

}  // namespace sallyport::services::pipeline
