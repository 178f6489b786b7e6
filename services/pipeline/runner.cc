#include "services/pipeline/runner.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "catalog/coverage.h"
#include "services/metadata/metadata.h"
#include "services/pipeline/context.h"
#include "services/pipeline/pinned.h"
#include "services/registry/registry.h"
#include "services/version.h"

namespace sallyport::services::pipeline {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

class Runner {
 public:
  Runner(RunState& state, const trust::PrivateKey& runner_key, const trust::PrivateKey& log_key)
      : state_(state), runner_key_(runner_key), log_key_(log_key) {}

  Result<RunReport> run() {
    RunReport report{.pipeline = state_.definition.name};
    for (const StageSpec& spec : state_.definition.stages) {
      emit({.kind = EventKind::kStageStarted, .stage = spec.stage});
      StageResult result = TRY(run_stage(spec));
      for (const auto& [name, digest] : result.outputs) state_.artifacts[name] = digest;
      report.verdict = std::max(report.verdict, result.verdict);
      report.stages.push_back(std::move(result));
      emit({.kind = EventKind::kStageFinished, .stage = spec.stage, .result = &report.stages.back()});
      if (report.stages.back().verdict >= Verdict::kBlock) {
        const auto& reasons = report.stages.back().reasons;
        report.reason =
            std::string(name_of(spec.stage)) + ": " + (reasons.empty() ? "blocked" : reasons.front());
        report.hint =
            "look at the findings above; a finding that is known and accepted can be waived in the policy";
        break;
      }
      if (state_.options.until == spec.stage) break;
    }
    return report;
  }

 private:
  void emit(const Event& event) const {
    if (state_.options.on_event) state_.options.on_event(event);
  }

  // What decides a stage's outputs. Two runs with the same key would do the same work.
  Result<Digest> key_of(StageContext& context, const Json& outside) {
    Json inputs = Json::object();
    for (const std::string& name : context.spec().reads) inputs[name] = TRY(context.digest_of(name)).hex();
    const Definition& definition = state_.definition;
    Json key{{"spec", to_json(context.spec())},
             {"schema",
              {{"label", definition.roles.label},
               {"id", definition.roles.id},
               {"contributor", definition.roles.contributor},
               {"group", definition.roles.group},
               {"time", definition.roles.time},
               {"image", {definition.image.height, definition.image.width, definition.image.max_value}}}},
             {"inputs", inputs},
             {"outside", outside},
             {"policy", state_.policy.digest.hex()},
             {"version", kVersion}};
    if (!context.spec().packages.lock.empty()) {
      const fs::path lock = state_.options.project / context.spec().packages.lock;
      key["packages"] = TRY(state_.env.digest_file(lock)).digest.hex();
    }
    return sha256(canonical(key));
  }

  // An earlier attestation of the same work whose outputs are still whole, or nullptr.
  const trust::LedgerEntry* find_done(const StageSpec& spec, const Digest& key) const {
    const auto entries = state_.ledger.find_type(trust::predicate::kGate);
    for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
      const trust::LedgerEntry& entry = **it;
      const auto gate = trust::parse_gate(entry.statement.predicate);
      if (!gate || gate->stage != spec.stage || !gate->passes()) continue;
      if (gate->step.value("key", "") != key.hex()) continue;
      const std::string_view roles[] = {trust::role::kRunner};
      if (!trust::verify_envelope(entry.envelope, state_.root, roles)) continue;
      const auto whole = [&](const trust::NamedDigest& output) {
        return state_.store.verify(output.digest).has_value();
      };
      if (std::all_of(entry.statement.subjects.begin(), entry.statement.subjects.end(), whole)) return &entry;
    }
    return nullptr;
  }

  Result<StageResult> run_stage(const StageSpec& spec) {
    const Clock::time_point start = Clock::now();
    const fs::path scratch = TRY(make_scratch());
    const Scratch cleanup{scratch};
    StageContext context(state_, spec, scratch);
    const StageBehaviour& behaviour = behaviour_of(spec.stage);
    if (behaviour.admit != nullptr) {
      if (auto admitted = behaviour.admit(context); !admitted) {
        if (admitted.error().kind != ErrorKind::kDenied) return std::unexpected(admitted.error());
        return refused(context, {}, admitted.error().message, start);
      }
    }
    const Json outside = behaviour.outside == nullptr ? Json(nullptr) : TRY(behaviour.outside(context));
    const Digest key = TRY(key_of(context, outside));
    if (const trust::LedgerEntry* done = find_done(spec, key)) return unchanged(spec, *done, start);

    const std::int64_t started_on = state_.env.now_unix_s();
    if (auto produced = produce(context, behaviour); !produced) {
      if (produced.error().kind != ErrorKind::kDenied) {
        return within(std::string(name_of(spec.stage)), produced.error());
      }
      return refused(context, key, produced.error().message, start);
    }
    TRY(store_outputs(context));
    if (behaviour.present != nullptr) {
      if (auto presented = behaviour.present(context); !presented) {
        if (presented.error().kind == ErrorKind::kIo) return std::unexpected(presented.error());
        return refused(context, key, presented.error().message, start);
      }
    }
    const std::vector<std::string> written = TRY(state_.env.list(context.out()));
    context.subjects.steps.emplace_back("step", TRY(pinned_subject(context, written)));
    std::vector<const Guard*> guards = catalog::guards_of(spec.stage);
    const Guard* const pinned = catalog::find_guard("pinned_step");
    if (spec.stage != Stage::kPipeline && pinned != nullptr) guards.push_back(pinned);
    GateReport gate =
        TRY(pass_gate(spec.stage, guards, context.subjects, state_.policy, state_.env.now_unix_s()));
    return attest(context, key, std::move(gate), started_on, start);
  }

  static Result<void> produce(StageContext& context, const StageBehaviour& behaviour) {
    const StageSpec& spec = context.spec();
    TRY(context.env().make_directories(context.out()));
    if (spec.run.empty()) {
      TRY(behaviour.produce(context));
    } else {
      // A user's step may well be a just-in-time compiler or a program of several processes.
      TRY(context.execute({.argv = spec.run,
                           .reads = spec.reads,
                           .sees_project = true,
                           .new_code = sandbox::NewCode::kInMemory,
                           .local_sockets = sandbox::LocalSockets::kAny}));
    }
    if (behaviour.complete != nullptr) return behaviour.complete(context);
    return {};
  }

  // What was declared is what is taken: nothing less, nothing more.
  Result<void> store_outputs(StageContext& context) {
    std::vector<std::string> wanted = context.spec().writes;
    std::sort(wanted.begin(), wanted.end());
    const std::vector<std::string> found = TRY(state_.env.list(context.out()));
    if (found != wanted) {
      std::string text = std::string(name_of(context.spec().stage)) + ": the step wrote";
      for (const std::string& name : found) text += " '" + name + "'";
      text += found.empty() ? " nothing; declared are" : "; declared are";
      for (const std::string& name : wanted) text += " '" + name + "'";
      return invalid(text,
                     "write each declared output to $SALLYPORT_OUT/NAME, and declare others under `writes`");
    }
    for (const std::string& name : wanted) {
      context.outputs[name] = TRY(state_.store.put_path(context.out() / name));
    }
    return {};
  }

  trust::GatePredicate predicate_of(StageContext& context, const Digest& key, const GateReport& gate,
                                    std::int64_t started_on) {
    const Json report = sallyport::to_json(gate);
    Json findings = Json::array();
    for (const Json& guard : report["guards"]) {
      for (const Json& finding : guard["findings"]) {
        findings.push_back(finding);
        findings.back()["guard"] = guard["id"];
      }
    }
    trust::GatePredicate out{.stage = context.spec().stage,
                             .pipeline_name = state_.definition.name,
                             .pipeline_digest = state_.definition.digest,
                             .inputs = context.outside,
                             .guards = report["guards"],
                             .findings = std::move(findings),
                             .reasons = report["reasons"],
                             .verdict = std::string(name_of(gate.verdict)),
                             .policy_digest = state_.policy.digest,
                             .step = context.step,
                             .sandbox = {{"runs", context.sandbox}},
                             .runner = {{"id", "https://sallyport.dev/runner"}, {"version", kVersion}},
                             .started_on = started_on,
                             .finished_on = state_.env.now_unix_s()};
    for (const std::string& name : context.spec().reads) {
      if (auto digest = context.digest_of(name)) out.inputs.push_back({name, *digest});
    }
    out.step["key"] = key.hex();
    out.step["definition"] = to_json(context.spec());
    return out;
  }

  // One durable append: the gate, the provenance and, when the gate passes, the stage's own statements.
  Result<StageResult> attest(StageContext& context, const Digest& key, GateReport gate,
                             std::int64_t started_on, Clock::time_point start) {
    const trust::GatePredicate predicate = predicate_of(context, key, gate, started_on);
    std::vector<trust::NamedDigest> subjects;
    for (const auto& [name, digest] : context.outputs) subjects.push_back({name, digest});
    // A gate that refused before anything was made still has something to say about its inputs.
    if (subjects.empty()) subjects = predicate.inputs;
    if (subjects.empty()) subjects.push_back({"definition", state_.definition.digest});

    const trust::Statement statement{subjects, std::string(trust::predicate::kGate),
                                     trust::to_json(predicate)};
    std::vector<trust::Envelope> envelopes;
    envelopes.push_back(trust::sign_statement(statement, {&runner_key_, 1}));
    const bool passes = gate.verdict < Verdict::kBlock;
    if (passes) {
      envelopes.push_back(provenance(context, subjects, predicate, key));
      for (trust::Envelope& own : context.statements) envelopes.push_back(std::move(own));
    }
    const std::vector<std::uint64_t> indices = TRY(state_.ledger.add(envelopes, log_key_));
    StageResult result{.stage = context.spec().stage,
                       .verdict = gate.verdict,
                       .seconds = seconds_since(start),
                       .step_seconds = context.step_seconds,
                       .reasons = gate.reasons,
                       .predicate = statement.predicate,
                       .attestation = trust::digest_of(envelopes.front()),
                       .log_index = static_cast<std::int64_t>(indices.front())};
    for (const auto& [name, digest] : context.outputs) result.outputs.emplace_back(name, digest);
    result.gate = std::move(gate);
    return result;
  }

  trust::Envelope provenance(StageContext& context, const std::vector<trust::NamedDigest>& subjects,
                             const trust::GatePredicate& gate, const Digest& key) const {
    const trust::Provenance made{
        .build_type = "https://sallyport.dev/stage/" + std::string(name_of(gate.stage)) + "/v1",
        .external_parameters = to_json(context.spec()),
        .internal_parameters = {{"sandbox", context.sandbox}},
        .dependencies = gate.inputs,
        .builder_id = "https://sallyport.dev/runner",
        .builder_version = std::string(kVersion),
        .invocation_id = key.hex(),
        .started_on = format_time(gate.started_on),
        .finished_on = format_time(gate.finished_on)};
    const trust::Statement statement{subjects, std::string(trust::predicate::kProvenance),
                                     trust::to_json(made)};
    return trust::sign_statement(statement, {&runner_key_, 1});
  }

  // A stage that was refused before its guards could run: attested too, so that the refusal is on record.
  Result<StageResult> refused(StageContext& context, const Digest& key, const std::string& why,
                              Clock::time_point start) {
    GateReport gate{.stage = context.spec().stage, .verdict = Verdict::kBlock, .runs = {}, .reasons = {why}};
    context.outputs.clear();
    return attest(context, key, std::move(gate), state_.env.now_unix_s(), start);
  }

  StageResult unchanged(const StageSpec& spec, const trust::LedgerEntry& entry, Clock::time_point start) {
    StageResult result{
        .stage = spec.stage,
        .verdict = entry.statement.predicate.value("verdict", "") == "warn" ? Verdict::kWarn : Verdict::kPass,
        .unchanged = true,
        .seconds = seconds_since(start),
        .predicate = entry.statement.predicate,
        .attestation = entry.envelope_digest,
        .log_index = static_cast<std::int64_t>(entry.index)};
    for (const Json& reason : entry.statement.predicate["reasons"]) {
      result.reasons.push_back(reason.get<std::string>());
    }
    for (const trust::NamedDigest& output : entry.statement.subjects) {
      result.outputs.emplace_back(output.name, output.digest);
    }
    return result;
  }

  // Removes a stage's scratch folder when the stage is over; what a kill leaves behind is removed by the next
  // run.
  struct Scratch {
    fs::path path;
    ~Scratch() {
      std::error_code code;
      fs::remove_all(path, code);
    }
  };

  Result<fs::path> make_scratch() {
    std::array<std::uint8_t, 8> salt{};
    state_.env.random(salt);
    const fs::path path = state_.workspace.root / "tmp" / to_hex(salt);
    TRY(state_.env.make_directories(path));
    return path;
  }

  RunState& state_;
  const trust::PrivateKey& runner_key_;
  const trust::PrivateKey& log_key_;
};

}  // namespace

Result<void> require_signed_definition(const trust::Ledger& ledger, const trust::Root& root,
                                       const Digest& definition) {
  const std::string_view roles[] = {trust::role::kLead};
  for (const trust::LedgerEntry* entry : ledger.find_subject(definition)) {
    if (entry->statement.predicate_type != kDefinitionPredicate) continue;
    if (trust::verify_envelope(entry->envelope, root, roles)) return {};
  }
  return fail(
      ErrorKind::kDenied,
      "pipeline.yaml: sha256:" + definition.brief() + "... was not signed by the lead; it is not executed",
      "read what changed, then run `sallyport sign-pipeline`");
}

Result<RunReport> run_pipeline(Env& env, const Definition& definition, const Policy& policy,
                               const RunOptions& options) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, options.project));
  TRY(env.make_directories(workspace.state()));
  const auto lock = TRY(env.lock(workspace.state() / "run.lock"));
  std::error_code code;
  fs::remove_all(workspace.root / "tmp", code);

  const std::int64_t now = env.now_unix_s();
  const trust::Root root = TRY(workspace.load_root());
  TRY(root.check_unexpired(now));
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  TRY(trust::advance_pin(env, workspace.pin(), ledger.log(), ledger.log_keys()));
  TRY(require_signed_definition(ledger, root, definition.digest));
  const trust::PrivateKey runner_key = TRY(workspace.load_key("runner", root));
  const trust::PrivateKey log_key = TRY(workspace.load_key("log", root));

  RunState state{.env = env,
                 .workspace = workspace,
                 .root = root,
                 .ledger = ledger,
                 .store = workspace.store(),
                 .definition = definition,
                 .policy = policy,
                 .options = options,
                 .started_unix_s = now};
  Result<RunReport> report = Runner(state, runner_key, log_key).run();
  TRY(metadata::sync(workspace, ledger, root));
  TRY(registry::sync(workspace, ledger, root));
  TRY(trust::advance_pin(env, workspace.pin(), ledger.log(), ledger.log_keys()));
  return report;
}

Result<Project> load_project(Env& env, const fs::path& folder) {
  const fs::path file = folder / "pipeline.yaml";
  Result<Bytes> bytes = env.read_file(file, limits::kYamlBytesMax);
  if (!bytes && bytes.error().kind == ErrorKind::kNotFound) {
    return fail(ErrorKind::kNotFound, file.string() + ": there is no pipeline here",
                "run `sallyport init` in this folder, or name another with -C");
  }
  if (!bytes) return std::unexpected(bytes.error());
  Project project{
      .folder = folder, .definition = TRY(parse_definition(as_text(*bytes), file.string())), .policy = {}};
  if (project.definition.policy_file.empty()) {
    project.policy = TRY(parse_policy("", "default policy"));
    return project;
  }
  TRY(trust::check_relative_path(project.definition.policy_file));
  const fs::path policy_file = folder / project.definition.policy_file;
  project.policy = TRY(
      parse_policy(as_text(TRY(env.read_file(policy_file, limits::kYamlBytesMax))), policy_file.string()));
  return project;
}

Result<Policy> project_policy(Env& env, const fs::path& folder) {
  if (!env.exists(folder / "pipeline.yaml")) return parse_policy("", "default policy");
  return TRY(load_project(env, folder)).policy;
}

Result<std::int64_t> sign_definition(Env& env, const fs::path& folder) {
  const Project project = TRY(load_project(env, folder));
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, folder));
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const trust::PrivateKey lead = TRY(workspace.load_key("lead", root));
  const trust::PrivateKey log_key = TRY(workspace.load_key("log", root));
  const trust::Statement statement{{{"pipeline.yaml", project.definition.digest}},
                                   std::string(kDefinitionPredicate),
                                   {{"pipeline", project.definition.name}}};
  const trust::Envelope envelope = trust::sign_statement(statement, {&lead, 1});
  return static_cast<std::int64_t>(TRY(ledger.add(envelope, log_key)));
}

Json to_json(const RunReport& report) {
  Json stages = Json::array();
  for (const StageResult& stage : report.stages) {
    Json outputs = Json::object();
    for (const auto& [name, digest] : stage.outputs) outputs[name] = digest.hex();
    stages.push_back({{"stage", name_of(stage.stage)},
                      {"verdict", name_of(stage.verdict)},
                      {"unchanged", stage.unchanged},
                      {"seconds", stage.seconds},
                      {"reasons", stage.reasons},
                      {"outputs", outputs},
                      {"attestation", stage.attestation.hex()},
                      {"logIndex", stage.log_index}});
  }
  return Json{{"pipeline", report.pipeline},
              {"verdict", name_of(report.verdict)},
              {"reason", report.reason},
              {"stages", stages}};
}

}  // namespace sallyport::services::pipeline
