// Training that can be checked: every step follows from the recipe, the data and the step's number, and
// checkpoints let anyone compute any stretch of it again (proof of learning, Jia et al. 2021).
//
// Stochastic gradient descent with momentum over batches whose order is keyed by the seed and by the digest
// of the data, so that a trainer cannot pick a favourable one. All randomness of a step is derived from its
// number. The engine supplies gradients and nothing else. With one engine on one machine a run repeats to the
// bit; another engine sums in another order and differs by rounding.
//
// Everything is for one thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/json.h"
#include "core/result.h"
#include "learn/engine.h"
#include "learn/examples.h"

namespace sallyport::learn {

enum class Schedule : std::uint8_t { kConstant, kCosine };

struct Recipe {
  std::uint64_t seed = 1;
  std::uint32_t epochs = 30;
  std::uint32_t batch = 32;
  double learning_rate = 0.05;
  double momentum = 0.9;
  double weight_decay = 1e-4;
  Schedule schedule = Schedule::kCosine;
  double clip_norm = 0;                 // of a step's gradient; 0: not clipped
  double adversarial_eps = 0;           // FGSM from a random start on every batch (Wong et al. 2020); 0: none
  std::uint32_t checkpoint_every = 45;  // steps

  bool operator==(const Recipe&) const = default;
};
Json to_json(const Recipe& recipe);
Result<Recipe> parse_recipe(const Json& object);

std::uint64_t steps_of(const Recipe& recipe, std::size_t rows);
double learning_rate_at(const Recipe& recipe, std::uint64_t step, std::uint64_t steps);

// The rows of each step's batch: every epoch is a permutation of the rows, cut into batches.
class BatchOrder {
 public:
  BatchOrder(const Recipe& recipe, const Digest& data, std::size_t rows);
  std::vector<std::size_t> rows_of(std::uint64_t step);

 private:
  std::uint64_t key_;
  std::size_t batch_;
  std::size_t rows_;
  std::size_t batches_;
  std::optional<std::uint64_t> epoch_ = {};
  std::vector<std::size_t> order_ = {};
};

// Where a training stands: after `step` steps.
struct State {
  std::uint64_t step = 0;
  Model model;
  ParameterValues velocity;
};
State initial_state(const Network& network, const Recipe& recipe);
// A checkpoint is the state as safetensors; the network is not part of it.
Bytes write_checkpoint(const State& state);
Result<State> read_checkpoint(const Network& network, BytesView bytes);

// What a training is about, and what a step needs to be computed again.
struct Course {
  const Examples* examples = nullptr;
  Digest data = {};  // of the training table's bytes
  Recipe recipe = {};
};

// Weight of an example of class `label` in step `step`: 1 unless somebody tampers with the loss. Drills do.
using ExampleWeight = std::function<float(std::uint64_t step, std::uint32_t label)>;

struct CheckpointEntry {
  std::uint64_t step = 0;
  Digest digest = {};
  double loss = 0;  // the mean over the steps since the checkpoint before it
};

// training.json, beside the model. Nothing in it depends on the clock.
struct TrainingRecord {
  Recipe recipe = {};
  std::string engine = {};
  Digest data = {};
  Digest network = {};  // of canonical model.json
  Digest model = {};    // digest_of the trained model
  std::uint64_t rows = 0;
  std::uint64_t steps = 0;
  std::vector<CheckpointEntry> checkpoints = {};  // from step 0 to the last
};
Json to_json(const TrainingRecord& record);
Result<TrainingRecord> parse_training_record(std::string_view json);
// "checkpoints/00000045.safetensors"
std::string checkpoint_path(std::uint64_t step);

struct Trained {
  Model model;
  TrainingRecord record;
};
// `keep` receives every checkpoint, in order. Error when there are no examples, the recipe makes no step, a
// loss is not finite, or `keep` fails.
using KeepCheckpoint = std::function<Result<void>(std::uint64_t step, BytesView bytes)>;
Result<Trained> train(Engine& engine, const Network& network, const Course& course,
                      const KeepCheckpoint& keep, const ExampleWeight& weight = {});

}  // namespace sallyport::learn
