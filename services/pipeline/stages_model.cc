// Training and validation: a confined trainer, its replay by a runner that it cannot reach, and a scored
// candidate.
#include "services/pipeline/stages.h"

#include <algorithm>
#include <array>

#include "learn/replay.h"
#include "services/tools.h"

namespace sallyport::services::pipeline {
namespace {

constexpr std::int64_t kEvaluationValidS = 90LL * 24 * 3600;

Result<StepCommand> torch(StageContext& context, const std::vector<std::string>& words,
                          std::vector<std::string> reads) {
  StepCommand command{.argv = {TRY(tool("sallyport-torch")).string()}, .reads = std::move(reads),
                      .new_code = sandbox::NewCode::kInMemory};
  command.argv.insert(command.argv.end(), words.begin(), words.end());
  context.step["kind"] = "built-in";
  return command;
}

// ---- training

Result<void> train(StageContext& context) {
  return context.execute(TRY(torch(context, {"train"}, {"train"})));
}

bool has_file(StageContext& context, const std::string& artifact, const std::string& file) {
  const auto digest = context.digest_of(artifact);
  if (!digest) return false;
  const auto manifest = context.run().store.manifest(*digest);
  return manifest && manifest->find(file) != nullptr;
}

// Which intervals are replayed, drawn after the trainer has handed over its log.
std::uint32_t challenge(Env& env) {
  std::array<std::uint8_t, 4> bytes{};
  env.random(bytes);
  return static_cast<std::uint32_t>(bytes[0]) << 16 | static_cast<std::uint32_t>(bytes[1]) << 8 | bytes[2];
}

Result<learn::ReplayReport> replayed(StageContext& context, StepCommand replay, const fs::path& out) {
  replay.out = out;
  TRY(context.execute(replay));
  const Bytes json = TRY(context.env().read_file(out / "replay.json", limits::kJsonBytesMax));
  return learn::parse_replay_report(TRY(parse_json(as_text(json))));
}

// The runner replays intervals of the training log itself, first in the plain engine: that starts at once,
// and what subverts the trainer's framework does not reach it. Its sums round otherwise than the trainer's,
// and now and then a maximum or a rectifier tips over; so what it does not reproduce closely is computed once
// more, the same intervals, by the engine that trained, and that answer counts. A trainer of the user's own
// that leaves no log cannot be spot-checked; the guard says so.
Result<void> present_training(StageContext& context) {
  // Half of what the guard allows by default; of honest intervals about one in fifty is above it.
  constexpr double kReproducedClosely = 0.01;
  const bool logged = has_file(context, "model", "training.json");
  Json observed{{"intervals", Json::array()}};
  if (logged) {
    const std::uint32_t drawn = challenge(context.env());
    learn::ReplayReport report = TRY(replayed(context,
                                              {.argv = {TRY(tool("sallyport")).string(), "step", "replay"},
                                               .reads = {"train", "model"},
                                               .options = {{"challenge", drawn}}},
                                              context.scratch() / "replay"));
    if (report.worst_share() > kReproducedClosely) {
      const StepCommand again =
          TRY(torch(context, {"replay", "--challenge", std::to_string(drawn)}, {"train", "model"}));
      report = TRY(replayed(context, again, context.scratch() / "replay-by-trainer"));
    }
    observed = learn::to_json(report);
  }
  const Json declared{{"seed", context.spec().seed}, {"replayable", logged}};
  context.subjects.steps.emplace_back("training", StepSubject{Stage::kTraining, declared, observed});
  return present_code(context);
}

// ---- validation

Result<void> validate(StageContext& context) {
  std::vector<std::string> words{"validate"};
  const Json& options = context.spec().options;
  if (options.contains("robust")) {
    const Json robust = TRY(get_object(options, "robust"));
    TRY(only_members(robust, {"attack", "eps", "steps", "sample", "at-least"}));
    if (robust.contains("eps")) {
      words.insert(words.end(), {"--eps", number_text(TRY(get_number(robust, "eps")))});
    }
    if (robust.contains("steps")) {
      words.insert(words.end(), {"--steps", number_text(TRY(get_number(robust, "steps")))});
    }
  }
  return context.execute(TRY(torch(context, words, {"model", "test"})));
}

// A candidate below what its owner demands is refused here, whatever its guards say.
Result<void> demand(const std::string& what, double reached, double at_least) {
  if (reached >= at_least) return {};
  return fail(ErrorKind::kDenied,
              what + " is " + number_text(reached) + ", below the " + number_text(at_least) +
                  " that the pipeline demands",
              "train a better model, or lower the demand in pipeline.yaml and sign it");
}

Result<void> demand_all(StageContext& context, const Json& report) {
  const Json& options = context.spec().options;
  if (options.contains("at-least")) {
    const Json floor = TRY(get_object(options, "at-least"));
    const Json metrics = TRY(get_object(report, "metrics"));
    for (const auto& [name, value] : floor.items()) {
      TRY(demand(name, TRY(get_number(metrics, name)), TRY(get_number(floor, name))));
    }
  }
  if (options.contains("robust") && options["robust"].contains("at-least")) {
    const Json robustness = TRY(get_object(report, "robustness"));
    TRY(demand("robust accuracy", TRY(get_number(robustness, "accuracy")),
               TRY(get_number(options["robust"], "at-least"))));
  }
  return {};
}

// What the report is held against; the rows to leave out and the seed are part of the definition that the
// lead signed.
Result<Json> observed_validation(StageContext& context, const Json& report) {
  const StageSpec& spec = context.spec();
  Json out{{"predictions", std::string(as_text(TRY(context.bytes_of("validation", "predictions.csv"))))},
           {"labels", std::string(as_text(TRY(context.bytes_of("test"))))},
           {"schema", {{"label", context.definition().roles.label}, {"id", context.definition().roles.id}}}};
  if (spec.options.contains("exclude")) out["excluded"] = TRY(get_array(spec.options, "exclude"));
  // A command of the user's own has the seed in its environment and may have no use for it.
  if (spec.run.empty() || report.contains("seed")) out["seed"] = spec.seed;
  return out;
}

// The attack that broke most, and beside it every attack of the report.
Result<Json> robustness_of(const Json& report) {
  if (!report.contains("robustness")) return Json::object();
  Json out = TRY(get_object(report, "robustness"));
  if (!out.empty() && report.contains("attacks")) out["attacks"] = TRY(get_array(report, "attacks"));
  return out;
}

Result<void> present_validation(StageContext& context) {
  const Json report = TRY(context.read_json("validation", "validation.json"));
  TRY(demand_all(context, report));
  context.subjects.steps.emplace_back(
      "validation", StepSubject{Stage::kValidation, report, TRY(observed_validation(context, report))});

  const trust::EvaluationPredicate evaluation{
      .metrics = TRY(get_object(report, "metrics")),
      .robustness = TRY(robustness_of(report)),
      .sample_size = TRY(get_int(report, "sample_size")),
      .evaluation_set = TRY(context.digest_of("test")),
      .expires_unix_s = context.run().started_unix_s + kEvaluationValidS};
  const trust::Statement statement{{{"model", TRY(context.digest_of("model"))}},
                                   std::string(trust::predicate::kEvaluation),
                                   trust::to_json(evaluation)};
  TRY(context.sign(statement, {"evaluator"}));
  // The evaluation is logged with this gate, which therefore takes it as it stands.
  return context.present_promotion("model", {TRY(context.digest_of("model"))}, context.statements,
                                   Json{{"pending", true}});
}

}  // namespace

const StageBehaviour kTraining{.produce = train, .present = present_training};
const StageBehaviour kValidation{.produce = validate, .present = present_validation};

}  // namespace sallyport::services::pipeline
