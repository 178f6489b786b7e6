#include "learn/training.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numbers>
#include <numeric>

#include "core/limits.h"
#include "formats/safetensors.h"
#include "learn/random.h"
#include "learn/step.h"

namespace sallyport::learn {

namespace {

constexpr std::string_view kFormat = "sallyport-training/1";
constexpr std::string_view kVelocity = "velocity.";
constexpr std::string_view kStepName = "step";
// A step derives its random numbers from these streams of the seed.
constexpr std::uint64_t kInitialStream = 1;

Result<std::uint32_t> count_of(const Json& object, std::string_view name, std::int64_t minimum) {
  const std::int64_t value = TRY(get_int(object, name));
  if (value < minimum || value > limits::kTrainingCountMax) {
    return fail(ErrorKind::kLimit, "'" + std::string(name) + "' is " + std::to_string(value) +
                                       ", not within " + std::to_string(minimum) + " and kTrainingCountMax");
  }
  return static_cast<std::uint32_t>(value);
}

Result<double> number_within(const Json& object, std::string_view name, double maximum) {
  const double value = TRY(get_number(object, name));
  if (!(value >= 0 && value <= maximum)) {
    return invalid("'" + std::string(name) + "' is not within 0 and " + canonical(Json(maximum)));
  }
  return value;
}

Result<Digest> digest_member(const Json& object, std::string_view name) {
  auto digest = Digest::parse(TRY(get_string(object, name)));
  if (!digest) return within("'" + std::string(name) + "'", digest.error());
  return *digest;
}

Json checkpoint_json(const CheckpointEntry& entry) {
  return {{"step", entry.step},
          {"sha256", entry.digest.hex()},
          {"loss", entry.loss},
          {"file", checkpoint_path(entry.step)}};
}

Result<CheckpointEntry> parse_checkpoint(const Json& object) {
  TRY(only_members(object, {"step", "sha256", "loss", "file"}));
  CheckpointEntry out{.digest = TRY(digest_member(object, "sha256")),
                      .loss = TRY(get_number(object, "loss"))};
  const std::int64_t step = TRY(get_int(object, "step"));
  if (step < 0) return invalid("'step' is negative");
  out.step = static_cast<std::uint64_t>(step);
  // The place follows from the step, so that a record cannot send its reader to another file.
  if (TRY(get_string(object, "file")) != checkpoint_path(out.step))
    return invalid("'file' is not the step's own");
  return out;
}

}  // namespace

Json to_json(const Recipe& recipe) {
  return {{"seed", recipe.seed},
          {"epochs", recipe.epochs},
          {"batch", recipe.batch},
          {"learning_rate", recipe.learning_rate},
          {"momentum", recipe.momentum},
          {"weight_decay", recipe.weight_decay},
          {"schedule", recipe.schedule == Schedule::kCosine ? "cosine" : "constant"},
          {"clip_norm", recipe.clip_norm},
          {"adversarial_eps", recipe.adversarial_eps},
          {"checkpoint_every", recipe.checkpoint_every}};
}

Result<Recipe> parse_recipe(const Json& object) {
  TRY(only_members(object, {"seed", "epochs", "batch", "learning_rate", "momentum", "weight_decay",
                            "schedule", "clip_norm", "adversarial_eps", "checkpoint_every"}));
  Recipe out{.epochs = TRY(count_of(object, "epochs", 1)),
             .batch = TRY(count_of(object, "batch", 1)),
             .learning_rate = TRY(number_within(object, "learning_rate", 1e3)),
             .momentum = TRY(number_within(object, "momentum", 1)),
             .weight_decay = TRY(number_within(object, "weight_decay", 1)),
             .clip_norm = TRY(number_within(object, "clip_norm", 1e9)),
             .adversarial_eps = TRY(number_within(object, "adversarial_eps", 1e6)),
             .checkpoint_every = TRY(count_of(object, "checkpoint_every", 1))};
  const std::int64_t seed = TRY(get_int(object, "seed"));
  if (seed < 0) return invalid("'seed' is negative");
  out.seed = static_cast<std::uint64_t>(seed);
  const std::string schedule = TRY(get_string(object, "schedule"));
  if (schedule != "cosine" && schedule != "constant")
    return invalid("'schedule' is neither cosine nor constant");
  out.schedule = schedule == "cosine" ? Schedule::kCosine : Schedule::kConstant;
  return out;
}

std::uint64_t steps_of(const Recipe& recipe, std::size_t rows) {
  return std::uint64_t{recipe.epochs} * ((rows + recipe.batch - 1) / recipe.batch);
}

double learning_rate_at(const Recipe& recipe, std::uint64_t step, std::uint64_t steps) {
  if (recipe.schedule == Schedule::kConstant) return recipe.learning_rate;
  const double share = static_cast<double>(step) / static_cast<double>(steps);
  return recipe.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * share));
}

BatchOrder::BatchOrder(const Recipe& recipe, const Digest& data, std::size_t rows)
    : batch_(recipe.batch), rows_(rows), batches_((rows + recipe.batch - 1) / recipe.batch) {
  const Digest key = sha256("sallyport-batches/1:" + std::to_string(recipe.seed) + ":" + data.hex());
  key_ = *Reader(key.bytes).u64_le();
}

std::vector<std::size_t> BatchOrder::rows_of(std::uint64_t step) {
  const std::uint64_t epoch = step / batches_;
  if (epoch_ != epoch) {
    order_.resize(rows_);
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    Random random(derive_seed(key_, epoch));
    random.shuffle(std::span(order_));
    epoch_ = epoch;
  }
  const std::size_t begin = static_cast<std::size_t>(step % batches_) * batch_;
  const std::size_t end = std::min(begin + batch_, rows_);
  return {order_.begin() + static_cast<std::ptrdiff_t>(begin),
          order_.begin() + static_cast<std::ptrdiff_t>(end)};
}

State initial_state(const Network& network, const Recipe& recipe) {
  State out{.model = initial_model(network, derive_seed(recipe.seed, kInitialStream)), .velocity = {}};
  for (const std::vector<float>& values : out.model.parameters) out.velocity.emplace_back(values.size());
  return out;
}

Bytes write_checkpoint(const State& state) {
  const std::vector<ParameterSpec> specs = parameters_of(state.model.network);
  std::vector<Bytes> values;
  std::vector<formats::Tensor> tensors;
  for (const std::vector<float>& parameter : state.model.parameters)
    values.push_back(formats::bytes_of(parameter));
  for (const std::vector<float>& parameter : state.velocity) values.push_back(formats::bytes_of(parameter));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    tensors.push_back({.name = specs[i].name, .shape = specs[i].shape, .bytes = values[i]});
    tensors.push_back({.name = std::string(kVelocity) + specs[i].name,
                       .shape = specs[i].shape,
                       .bytes = values[specs.size() + i]});
  }
  Bytes step;
  append_le(step, state.step, 8);
  tensors.push_back({.name = std::string(kStepName), .dtype = formats::Dtype::kU64, .bytes = step});
  auto out = formats::write_safetensors(tensors);
  SP_CHECK(out.has_value());
  return std::move(*out);
}

Result<State> read_checkpoint(const Network& network, BytesView bytes) {
  const formats::SafeTensors arrays = TRY(formats::read_safetensors(bytes));
  State out{.model = {.network = network, .parameters = {}}, .velocity = {}};
  const formats::Tensor* step = arrays.find(kStepName);
  if (step == nullptr || step->dtype != formats::Dtype::kU64 || step->bytes.size() != 8) {
    return invalid("checkpoint: lacks its step");
  }
  out.step = TRY(Reader(step->bytes).u64_le());
  const std::vector<ParameterSpec> specs = parameters_of(network);
  for (const bool velocity : {false, true}) {
    for (const ParameterSpec& spec : specs) {
      const std::string name = (velocity ? std::string(kVelocity) : "") + spec.name;
      const formats::Tensor* found = arrays.find(name);
      if (found == nullptr || found->shape != spec.shape) {
        return invalid("checkpoint: '" + name + "' is missing or of another shape");
      }
      (velocity ? out.velocity : out.model.parameters).push_back(TRY(formats::floats_of(*found)));
    }
  }
  if (arrays.tensors.size() != 2 * specs.size() + 1) return invalid("checkpoint: holds arrays of no use");
  return out;
}

Json to_json(const TrainingRecord& record) {
  Json checkpoints = Json::array();
  for (const CheckpointEntry& entry : record.checkpoints) checkpoints.push_back(checkpoint_json(entry));
  return {{"format", std::string(kFormat)},
          {"recipe", to_json(record.recipe)},
          {"engine", record.engine},
          {"data", record.data.hex()},
          {"network", record.network.hex()},
          {"model", record.model.hex()},
          {"rows", record.rows},
          {"steps", record.steps},
          {"checkpoints", checkpoints}};
}

Result<TrainingRecord> parse_training_record(std::string_view json) {
  const auto read = [&]() -> Result<TrainingRecord> {
    const Json object = TRY(parse_json(json));
    if (!object.is_object()) return invalid("not an object");
    TRY(only_members(
        object, {"format", "recipe", "engine", "data", "network", "model", "rows", "steps", "checkpoints"}));
    if (TRY(get_string(object, "format")) != kFormat) return fail(ErrorKind::kUnsupported, "unknown format");
    TrainingRecord out;
    out.recipe = TRY(parse_recipe(TRY(get_object(object, "recipe"))));
    out.engine = TRY(get_string(object, "engine"));
    out.data = TRY(digest_member(object, "data"));
    out.network = TRY(digest_member(object, "network"));
    out.model = TRY(digest_member(object, "model"));
    out.rows = TRY(count_of(object, "rows", 1));
    const std::int64_t steps = TRY(get_int(object, "steps"));
    out.steps = steps_of(out.recipe, out.rows);
    if (steps < 0 || static_cast<std::uint64_t>(steps) != out.steps) {
      return invalid("'steps' does not follow from the recipe");
    }
    for (const Json& entry : TRY(get_array(object, "checkpoints"))) {
      out.checkpoints.push_back(TRY(parse_checkpoint(entry)));
    }
    const auto ascending = [](const CheckpointEntry& a, const CheckpointEntry& b) { return a.step < b.step; };
    const auto unordered = [&](const CheckpointEntry& a, const CheckpointEntry& b) {
      return !ascending(a, b);
    };
    if (out.checkpoints.size() < 2 || out.checkpoints.front().step != 0 ||
        out.checkpoints.back().step != out.steps ||
        std::ranges::adjacent_find(out.checkpoints, unordered) != out.checkpoints.end()) {
      return invalid("'checkpoints' do not ascend from step 0 to the last");
    }
    return out;
  };
  auto out = read();
  if (!out) return within("training record", out.error());
  return out;
}

std::string checkpoint_path(std::uint64_t step) {
  std::string digits = std::to_string(step);
  digits.insert(0, digits.size() < 8 ? 8 - digits.size() : 0, '0');
  return "checkpoints/" + digits + ".safetensors";
}

Result<Trained> train(Engine& engine, const Network& network, const Course& course,
                      const KeepCheckpoint& keep, const ExampleWeight& weight) {
  if (course.examples->rows() == 0) return invalid("training: there are no examples");
  State state = initial_state(network, course.recipe);
  TrainingRecord record{.recipe = course.recipe,
                        .engine = std::string(engine.name()),
                        .data = course.data,
                        .network = sha256(canonical(to_json(network))),
                        .rows = course.examples->rows(),
                        .steps = steps_of(course.recipe, course.examples->rows())};
  double loss = 0;
  std::uint64_t since = 0;
  BatchOrder order(course.recipe, course.data, course.examples->rows());
  for (;;) {
    if (state.step == record.steps || state.step % course.recipe.checkpoint_every == 0) {
      const Bytes bytes = write_checkpoint(state);
      TRY(keep(state.step, bytes));
      const double mean_loss = since == 0 ? 0 : loss / static_cast<double>(since);
      record.checkpoints.push_back({.step = state.step, .digest = sha256(bytes), .loss = mean_loss});
      loss = 0;
      since = 0;
    }
    if (state.step == record.steps) break;
    Batch batch = TRY(batch_at(engine, state, course, order));
    if (weight) {
      for (const std::uint32_t label : batch.examples.labels)
        batch.weights.push_back(weight(state.step, label));
    }
    const Gradient gradient = TRY(engine.gradient(state.model, batch.examples.inputs, batch.examples.labels,
                                                  batch.weights, Want::kParameters));
    if (!std::isfinite(gradient.loss)) {
      return invalid("training: the loss of step " + std::to_string(state.step) + " is not finite",
                     "lower the learning rate, or look for absurd values in the table");
    }
    loss += gradient.loss;
    ++since;
    state = descend(std::move(state), gradient.parameters, course.recipe, record.steps);
  }
  record.model = digest_of(state.model);
  return Trained{.model = std::move(state.model), .record = std::move(record)};
}

}  // namespace sallyport::learn
