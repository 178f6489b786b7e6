// sallyport-torch: training, its replay, and validation, as confined steps.
//
//   sallyport-torch train      in: train                     out:
//   model/{model.json,model.safetensors,training.json,
//                                                                        checkpoints/}
//   sallyport-torch replay     in: train, model              out: replay.json
//   sallyport-torch validate   in: test, model               out:
//   validation/{validation.json,predictions.csv}
//
// Inputs, outputs and schema: learn/step_task.h. Exit 0 done, 2 an Error on stderr, 64 usage.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/limits.h"
#include "learn/evaluation.h"
#include "learn/examples.h"
#include "learn/replay.h"
#include "learn/step_task.h"
#include "learn/training.h"
#include "learn/workers/torch/torch_engine.h"

namespace sallyport::learn::workers {
namespace {

constexpr int kExitError = 2;
constexpr int kExitUsage = 64;

constexpr std::string_view kUsage =
    "usage: sallyport-torch train|replay|validate [--label NAME] [--id NAME] [--image HxWxMAX] [--seed N]\n"
    "  train     [--network auto|perceptron|convolutions] [--hidden N] [--epochs N] [--batch N]\n"
    "            [--learning-rate X] [--weight-decay X] [--adversarial-eps X]\n"
    "  replay    [--challenge N] [--intervals N] [--engine torch|plain]\n"
    "  validate  [--eps X] [--steps N] [--restarts N] [--sample N]\n"
    "SALLYPORT_IN and SALLYPORT_OUT name the folders of inputs and outputs.\n";

// Sets a member of a recipe when the task names the option; a fraction is refused where a count is meant.
template <class Number>
Result<void> take(const StepTask& task, const std::string& name, Number& member) {
  const std::optional<double> value = TRY(task.number(name));
  if (!value) return {};
  if (!(*value >= 0 && *value <= static_cast<double>(limits::kTrainingCountMax))) {
    return invalid("option '" + name + "' is out of range");
  }
  member = static_cast<Number>(*value);
  if (static_cast<double>(member) != *value) return invalid("option '" + name + "' is not a whole number");
  return {};
}

Result<Architecture> architecture_of(const StepTask& task) {
  const std::string name = TRY(task.text("network")).value_or("auto");
  if (name == "auto") return Architecture::kAuto;
  if (name == "perceptron") return Architecture::kPerceptron;
  if (name == "convolutions") return Architecture::kConvolutions;
  return invalid("option 'network' is '" + name + "', not auto, perceptron or convolutions");
}

// On images, examples attacked within a tenth of the range cost a third more time and make the network both
// robust and more accurate: measured on digits, 97.8 % becomes 99.7 %, and .52 under attack becomes .83.
constexpr double kImageEps = 0.1;

Result<Recipe> recipe_of(const StepTask& task, const Network& network, std::size_t rows) {
  Recipe recipe{.seed = task.seed(), .epochs = 40, .adversarial_eps = network.input.range ? kImageEps : 0};
  TRY(take(task, "epochs", recipe.epochs));
  TRY(take(task, "batch", recipe.batch));
  TRY(take(task, "learning-rate", recipe.learning_rate));
  TRY(take(task, "weight-decay", recipe.weight_decay));
  TRY(take(task, "adversarial-eps", recipe.adversarial_eps));
  if (recipe.batch == 0 || recipe.epochs == 0) return invalid("options 'batch' and 'epochs' are at least 1");
  // Four checkpoints an epoch: a stretch is a fixed share of the cost of the training, and short enough for
  // an engine that rounds otherwise to stay beside it.
  const std::size_t epoch = (rows + recipe.batch - 1) / recipe.batch;
  recipe.checkpoint_every = static_cast<std::uint32_t>(std::max<std::size_t>(1, epoch / 4));
  return recipe;
}

Result<void> train_step(const StepTask& task) {
  Env& env = system_env();
  const StepTask::Table table = TRY(task.table(env, "train"));
  std::uint32_t hidden = 64;
  TRY(take(task, "hidden", hidden));
  const Network network = TRY(network_for(table.data, TRY(architecture_of(task)), hidden));
  const Examples examples = TRY(examples_of(network, table.data));
  const Course course{
      .examples = &examples, .data = table.digest, .recipe = TRY(recipe_of(task, network, examples.rows()))};
  TorchEngine engine;
  const Trained trained = TRY(train(engine, network, course, [&](std::uint64_t step, BytesView bytes) {
    return task.write(env, "model/" + checkpoint_path(step), bytes);
  }));
  TRY(task.write(env, "model/model.json", as_bytes(pretty(to_json(network)))));
  TRY(task.write(env, "model/model.safetensors", write_weights(trained.model)));
  TRY(task.write(env, "model/training.json", as_bytes(pretty(to_json(trained.record)))));
  const CheckpointEntry& last = trained.record.checkpoints.back();
  std::fprintf(stderr, "trained: %llu steps on %llu rows, loss %.4f, model %s\n",
               static_cast<unsigned long long>(trained.record.steps),
               static_cast<unsigned long long>(trained.record.rows), last.loss,
               trained.record.model.brief().c_str());
  return {};
}

Result<Model> model_in(Env& env, const StepTask& task) {
  const fs::path folder = task.in() / "model";
  const Bytes json = TRY(env.read_file(folder / "model.json", limits::kJsonBytesMax));
  const Bytes weights = TRY(env.read_file(folder / "model.safetensors"));
  return read_model(as_text(json), weights);
}

Result<void> replay_step(const StepTask& task) {
  Env& env = system_env();
  const StepTask::Table table = TRY(task.table(env, "train"));
  // The seed is the one that the pipeline declares; the challenge is drawn after the training.
  ReplayOptions options{.challenge = task.seed(), .declared_seed = task.seed()};
  TRY(take(task, "challenge", options.challenge));
  TRY(take(task, "intervals", options.intervals));
  TorchEngine torch_engine;
  PlainEngine plain_engine;
  const std::string name = TRY(task.text("engine")).value_or("torch");
  if (name != "torch" && name != "plain") return invalid("option 'engine' is neither torch nor plain");
  Engine& engine = name == "torch" ? static_cast<Engine&>(torch_engine) : plain_engine;
  const ReplayReport report =
      TRY(replay_folder(env, engine, task.in() / "model", table.data, table.digest, options));
  return task.write(env, "replay.json", as_bytes(pretty(to_json(report))));
}

Result<void> validate_step(const StepTask& task) {
  Env& env = system_env();
  const StepTask::Table table = TRY(task.table(env, "test"));
  const Model model = TRY(model_in(env, task));
  double eps = 0.1;
  int steps = 20;
  int restarts = 2;
  EvaluationOptions options;
  TRY(take(task, "eps", eps));
  TRY(take(task, "steps", steps));
  TRY(take(task, "restarts", restarts));
  TRY(take(task, "sample", options.sample));
  if (steps < 1) return invalid("option 'steps' is at least 1");
  options.attacks = {{.eps = eps, .seed = task.seed()},
                     {.eps = eps, .steps = steps, .restarts = restarts, .seed = task.seed()}};
  TorchEngine engine;
  const Evaluated evaluated = TRY(evaluate(engine, model, table.data, table.digest, options));
  TRY(task.write(env, "validation/predictions.csv", as_bytes(evaluated.predictions_csv)));
  TRY(task.write(env, "validation/validation.json", as_bytes(pretty(to_json(evaluated.evaluation)))));
  const Proportion& accuracy = evaluated.evaluation.scores.accuracy;
  const Interval interval = accuracy.interval();
  std::fprintf(stderr, "accuracy %.4f [%.4f, %.4f], n = %llu\n", accuracy.value(), interval.low,
               interval.high, static_cast<unsigned long long>(accuracy.trials));
  return {};
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

struct Command {
  std::string_view name;
  Result<void> (*run)(const StepTask&);
  std::vector<std::string> options;
};

int run(const std::vector<std::string>& words) {
  const std::vector<Command> commands{
      {"train",
       train_step,
       {"network", "hidden", "epochs", "batch", "learning-rate", "weight-decay", "adversarial-eps"}},
      {"replay", replay_step, {"challenge", "intervals", "engine"}},
      {"validate", validate_step, {"eps", "steps", "restarts", "sample"}}};
  for (const Command& command : commands) {
    if (words.empty() || words[0] != command.name) continue;
    const auto done = [&]() -> Result<void> {
      const StepTask task =
          TRY(StepTask::from(variable("SALLYPORT_IN"), variable("SALLYPORT_OUT"), variable("SALLYPORT_STEP"),
                             {words.begin() + 1, words.end()}, command.options));
      return command.run(task);
    }();
    if (done) return 0;
    std::fprintf(stderr, "sallyport-torch: %s\n", done.error().message.c_str());
    if (!done.error().hint.empty()) std::fprintf(stderr, "  hint: %s\n", done.error().hint.c_str());
    return kExitError;
  }
  std::fputs(std::string(kUsage).c_str(), stderr);
  return kExitUsage;
}

}  // namespace
}  // namespace sallyport::learn::workers

int main(int argc, char** argv) { return sallyport::learn::workers::run({argv + 1, argv + argc}); }
