#include "services/pipeline/context.h"

#include <chrono>
#include <cstdlib>

#include "formats/csv.h"
#include "services/egress/broker.h"
#include "services/packages/packages.h"
#include "services/pipeline/compute_band.h"
#include "services/pipeline/stages.h"
#include "services/pipeline/steps.h"
#include "services/redact/step_log.h"
#include "services/registry/registry.h"
#include "services/tools.h"

namespace sallyport::services::pipeline {
namespace {

constexpr std::size_t kQuotedLines = 12;

// The values that the pipeline's owner keeps in the runner's environment.
Result<std::vector<redact::Secret>> secrets_of(const StageSpec& spec) {
  std::vector<redact::Secret> out;
  for (const std::string& name : spec.secrets) {
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) {
      return fail(ErrorKind::kNotFound, "secret " + name + " is not in the environment of the runner",
                  "export " + name + " before the run, or take it out of `secrets`");
    }
    out.push_back({name, value});
  }
  return out;
}

// What a step of the same command cost in the newest run whose gate passed; 0: there was none.
double known_step_s(const trust::Ledger& ledger, const StageSpec& spec) {
  const auto entries = ledger.find_type(trust::predicate::kGate);
  for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
    const auto gate = trust::parse_gate((*entry)->statement.predicate);
    if (!gate || gate->stage != spec.stage || !gate->passes()) continue;
    if (gate->step.value("definition", Json::object()) != to_json(spec)) continue;
    const auto cost = gate->step.find("cpu_per_step_s");
    if (cost != gate->step.end() && cost->is_number()) return cost->get<double>();
  }
  return 0;
}

// What the broker refused stands beside what the sandbox did. Names are the step's own words: a secret may
// hide in one.
void add_refusals(const std::vector<egress::Connection>& connections, redact::StepLog& log,
                  sandbox::Outcome& outcome) {
  std::map<std::string, std::uint64_t> refused;
  for (const egress::Connection& connection : connections) {
    if (connection.refused.empty()) continue;
    const std::string to = connection.to.empty() ? "(no destination)" : log.redact(connection.to);
    ++refused["connect " + to + ": " + connection.refused];
  }
  for (const auto& [what, count] : refused) outcome.denials.push_back({.what = what, .count = count});
}

}  // namespace

Result<Digest> StageContext::digest_of(const std::string& artifact) const {
  if (const auto own = outputs.find(artifact); own != outputs.end()) return own->second;
  const auto earlier = run_.artifacts.find(artifact);
  if (earlier != run_.artifacts.end()) return earlier->second;
  return fail(ErrorKind::kNotFound, "no stage has written an artifact called '" + artifact + "'");
}

Result<Bytes> StageContext::read(const std::string& artifact) {
  return run_.store.get(TRY(digest_of(artifact)));
}

Result<Bytes> StageContext::read(const std::string& artifact, const std::string& file) {
  const trust::Manifest manifest = TRY(run_.store.manifest(TRY(digest_of(artifact))));
  const trust::ManifestEntry* entry = manifest.find(file);
  if (entry == nullptr) return fail(ErrorKind::kNotFound, artifact + ": has no file '" + file + "'");
  return run_.store.get(entry->sha256);
}

Result<BytesView> StageContext::bytes_of(const std::string& artifact, const std::string& file) {
  const std::string name = file.empty() ? artifact : artifact + "/" + file;
  if (const auto known = bytes_.find(name); known != bytes_.end()) return BytesView(known->second);
  Bytes bytes = file.empty() ? TRY(read(artifact)) : TRY(read(artifact, file));
  return BytesView(bytes_.emplace(name, std::move(bytes)).first->second);
}

Result<Json> StageContext::read_json(const std::string& artifact, const std::string& file) {
  const Bytes bytes = file.empty() ? TRY(read(artifact)) : TRY(read(artifact, file));
  Result<Json> json = parse_json(as_text(bytes));
  if (!json) return within(file.empty() ? artifact : artifact + "/" + file, json.error());
  return json;
}

Result<const Dataset*> StageContext::table(const std::string& artifact) {
  if (const auto known = tables_.find(artifact); known != tables_.end()) return &known->second;
  const Bytes bytes = TRY(read(artifact));
  Dataset data = TRY(formats::csv::parse(
      bytes, {.name = artifact, .roles = definition().roles, .image = definition().image}));
  return &tables_.emplace(artifact, std::move(data)).first->second;
}

Result<void> StageContext::write(const std::string& path, std::string_view text) {
  const fs::path target = out() / path;
  TRY(env().make_directories(target.parent_path()));
  return env().write_new(target, as_bytes(text), 0644);
}

// A copy of its own for each stage: what the step reads was verified while it was copied.
Result<fs::path> StageContext::input_path(const std::string& artifact) {
  const fs::path path = scratch_ / "in" / artifact;
  if (env().exists(path)) return path;
  TRY(env().make_directories(path.parent_path()));
  TRY(run_.store.materialise(TRY(digest_of(artifact)), path));
  return path;
}

Result<sandbox::Confinement> StageContext::confinement(const StepCommand& command) {
  StepInput input{.in = {},
                  .out = {},
                  .seed = spec_.seed,
                  .roles = definition().roles,
                  .image = definition().image,
                  .options = spec_.options};
  input.options.update(command.options);
  const StepLimits& limits = spec_.limits;
  sandbox::Confinement out{.command = command.argv,
                           .environment = {{"PATH", "/usr/bin:/bin"},
                                           {"HOME", "/tmp"},
                                           {"LANG", "C.UTF-8"},
                                           {"SALLYPORT_IN", "/in"},
                                           {"SALLYPORT_OUT", "/out"},
                                           {"SALLYPORT_SEED", std::to_string(spec_.seed)},
                                           {"SALLYPORT_STEP", canonical(to_json(input))}},
                           .cwd = "/tmp",
                           .executes = std::vector<std::string>{},
                           .limits = {.wall_s = limits.wall_s,
                                      .cpu_s = limits.cpu_s,
                                      .memory_bytes = limits.memory_bytes,
                                      .processes = limits.processes,
                                      .disk_bytes = limits.output_bytes},
                           .new_code = command.new_code,
                           .local_sockets = command.local_sockets};
  if (command.sees_project) *out.executes = spec_.executes;
  if (command.sees_project && !spec_.packages.lock.empty()) {
    const fs::path project = fs::absolute(run_.options.project);
    const packages::LaidOut laid = TRY(packages::lay_out(
        env(), project / spec_.packages.lock, project / spec_.packages.wheels, scratch_ / "packages"));
    step["packages"] = packages::to_json(laid);
    out.binds.push_back({.host = scratch_ / "packages", .inside = std::string(packages::kInside)});
    for (auto& variable : packages::environment()) out.environment.push_back(std::move(variable));
  }
  if (command.sees_project && !spec_.network.empty()) {
    out.network = sandbox::Network::kBroker;
    const std::string proxy = "http://127.0.0.1:" + std::to_string(sandbox::kBrokerPort);
    for (const char* name : {"HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"}) {
      out.environment.emplace_back(name, proxy);
    }
  }
  for (const std::string& artifact : command.reads) {
    out.binds.push_back({.host = TRY(input_path(artifact)), .inside = "/in/" + artifact});
  }
  const fs::path target = command.out.empty() ? this->out() : command.out;
  TRY(env().make_directories(target));
  out.binds.push_back({.host = target, .inside = "/out", .access = sandbox::Access::kWrite});
  if (command.sees_project) {
    out.binds.push_back({.host = fs::absolute(run_.options.project), .inside = "/project"});
    out.hidden.push_back("/project/" + std::string(trust::kWorkspaceFolder));
    out.cwd = "/project";
  } else {
    for (sandbox::Bind& bind : TRY(tool_binds())) out.binds.push_back(std::move(bind));
  }
  return out;
}

Result<void> StageContext::execute(const StepCommand& command) {
  sandbox::Confinement box = TRY(confinement(command));
  const std::vector<redact::Secret> secrets = TRY(secrets_of(spec_));
  redact::StepLog log(TRY(redact::Redactor::make(secrets)), kQuotedLines);
  if (!spec_.run.empty()) {
    for (const redact::Secret& secret : secrets) {
      box.environment.emplace_back(secret.name, secret.value);
      box.secrets.push_back(secret.name);
    }
  }
  ComputeBand band({.steps = spec_.progress_steps,
                    .factor = spec_.progress_factor,
                    .known_step_s = known_step_s(run_.ledger, spec_)});
  double used_s = 0;
  sandbox::Watch watch{.on_line = [&](sandbox::Stream stream, std::string_view line) {
    band.line(line, used_s);
    log.add(stream == sandbox::Stream::kOut ? redact::StepLog::From::kOut : redact::StepLog::From::kErr,
            line);
  }};
  if (spec_.progress_steps > 0 && !spec_.run.empty()) {
    watch.on_use = [&](double cpu_s) {
      used_s = cpu_s;
      return band.holds(cpu_s);
    };
  }
  egress::Broker broker(spec_.network);
  watch.on_listening = [&](int listening) { return broker.serve(listening); };
  planned.push_back(sandbox::digest_of(box).hex());
  const auto start = std::chrono::steady_clock::now();
  sandbox::Outcome outcome = TRY(sandbox::run(box, watch));
  step_seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const std::vector<egress::Connection> connections = broker.stop();
  // What was refused is named in the step's own words, and attested.
  for (sandbox::Denial& denial : outcome.denials) denial.what = log.redact(denial.what);
  add_refusals(connections, log, outcome);
  sandbox.push_back(sandbox::to_json(outcome));
  for (egress::Connection connection : connections) {
    connection.to = log.redact(connection.to);
    sandbox.back()["egress"].push_back(egress::to_json(connection));
  }
  if (outcome.succeeded()) {
    if (!watch.on_use) return {};
    if (band.steps() == 0) {
      return fail(ErrorKind::kDenied, "step " + command.argv.front() + " said of no step that it ended",
                  "print a line '" + std::string(kStepMark) + "' a step, or take `progress` away");
    }
    if (band.usual_step_s() > 0) step["cpu_per_step_s"] = band.usual_step_s();
    return {};
  }
  std::string why = outcome.limit == sandbox::Limit::kBand ? "was ended: " + band.why()
                    : outcome.limit != sandbox::Limit::kNone
                        ? "hit its limit of " + std::string(name_of(outcome.limit))
                        : (outcome.signal != 0 ? "was ended by signal " + std::to_string(outcome.signal)
                                               : "ended with status " + std::to_string(outcome.exit_status));
  for (const std::string& line : log.finish()) why += "\n    " + line;
  for (const sandbox::Denial& denial : outcome.denials) why += "\n    denied: " + denial.what;
  return fail(ErrorKind::kDenied, "step " + command.argv.front() + " " + why,
              "the step's last lines are above; see `sallyport doctor` for what the sandbox allows");
}

Result<void> StageContext::execute_step(const std::string& name) {
  return execute({.argv = {TRY(tool("sallyport")).string(), "step", name}, .reads = spec_.reads});
}

Result<void> StageContext::present_promotion(const std::string& name, const std::vector<Digest>& about,
                                             const std::vector<trust::Envelope>& pending, Json request) {
  std::vector<SignedClaim> claims = registry::claims_about(run_.ledger, run_.root, about);
  for (const trust::Envelope& envelope : pending) {
    claims.push_back(TRY(registry::claim_of(envelope, run_.root)));
  }
  claims_.push_back(std::move(claims));
  subjects.promotions.emplace_back(name, PromotionSubject{.artifact = about.front(),
                                                          .now_unix_s = run_.started_unix_s,
                                                          .claims = claims_.back(),
                                                          .request = std::move(request)});
  return {};
}

void StageContext::present_repository(const std::string& name, std::vector<RepositoryFile> files) {
  repositories_.push_back(std::move(files));
  subjects.repositories.emplace_back(name, RepositorySubject{.name = name, .files = repositories_.back()});
}

void StageContext::present_file(const std::string& name, BytesView bytes) {
  inspections_.push_back(formats::inspect::inspect(bytes, {.name = fs::path(name).filename().string()}));
  subjects.files.emplace_back(name,
                              FileSubject{.path = name, .bytes = bytes, .inspection = &inspections_.back()});
}

Result<void> StageContext::sign(const trust::Statement& statement, const std::vector<std::string>& keys) {
  std::vector<trust::PrivateKey> signers;
  for (const std::string& name : keys) signers.push_back(TRY(run_.workspace.load_key(name, run_.root)));
  statements.push_back(trust::sign_statement(statement, signers));
  return {};
}

void StageContext::note(const std::string& text) {
  if (!run_.options.on_event) return;
  run_.options.on_event({.kind = EventKind::kNote, .stage = spec_.stage, .text = text});
}

const StageBehaviour& behaviour_of(Stage stage) {
  static const StageBehaviour* const table[] = {
      &kAcquisition, &kPreprocessing, &kAnalysis,   &kPreparation,   &kVersionedData, &kCodeRepository,
      &kPipeline,    &kTraining,      &kValidation, &kMetadataStore, &kExport,        &kRegistry,
      &kServing,     &kInput,         &kOutput,     &kMonitoring,
  };
  return *table[static_cast<std::size_t>(stage)];
}

}  // namespace sallyport::services::pipeline
