// train-optimizer-tamper enacted: the trainer's loss is wrapped. In one half of the trials the gradients of
// one class vanish after step 200, in the other half its examples weigh a fiftieth from the start; the loss
// curve looks as ever. The honest trainer has a schedule, clips gradients, and sums in another order than the
// judge.
#include <algorithm>
#include <map>
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "formats/csv.h"
#include "learn/random.h"
#include "learn/replay.h"

namespace sallyport::experiment::model_training {

extern const drills::Drill training_replay_drill;

namespace {

using drills::World;

constexpr std::size_t kTrainRows = 1000;
constexpr std::size_t kTestRows = 600;
constexpr std::uint64_t kTamperedFrom = 200;
constexpr std::size_t kReplayed = 3;
// Recall of the starved class on held-out rows; an honest training reaches .9 and more.
constexpr double kHarm = 0.75;

// Gradients as another library computes them: the same sum over the batch, taken in the reverse order.
class ReversedEngine final : public learn::Engine {
 public:
  std::string_view name() const override { return "reversed"; }
  Result<learn::Matrix> logits(const learn::Model& model, const learn::Matrix& inputs) override {
    return plain_.logits(model, inputs);
  }
  Result<learn::Gradient> gradient(const learn::Model& model, const learn::Matrix& inputs,
                                   std::span<const std::uint32_t> labels, std::span<const float> weights,
                                   learn::Want want) override {
    if (want == learn::Want::kInputs) return plain_.gradient(model, inputs, labels, weights, want);
    std::vector<std::size_t> order(labels.size());
    std::iota(order.rbegin(), order.rend(), std::size_t{0});
    const learn::Examples turned =
        learn::Examples{.inputs = inputs, .labels = {labels.begin(), labels.end()}}.pick(order);
    const std::vector<float> turned_weights(weights.rbegin(), weights.rend());
    return plain_.gradient(model, turned.inputs, turned.labels, turned_weights, want);
  }

 private:
  learn::PlainEngine plain_;
};

struct Training {
  learn::Network network;
  learn::Examples train;
  learn::Examples test;
  learn::Course course;
  learn::Trained trained;
  std::map<std::string, Bytes> files;
  std::uint32_t victim_class = 0;
  double recall = 1;
};

Result<void> prepare(World& world, Training& training) {
  learn::Random random(world.seed());
  const Dataset& all = drills::digits();
  const std::vector<std::size_t> order = random.sample(all.rows(), kTrainRows + kTestRows);
  const auto cut = order.begin() + static_cast<std::ptrdiff_t>(kTrainRows);
  const Dataset train = all.pick({order.begin(), cut});
  training.network = TRY(learn::network_for(train, learn::Architecture::kPerceptron, 24));
  training.train = TRY(learn::examples_of(training.network, train));
  training.test = TRY(learn::examples_of(training.network, all.pick({cut, order.end()})));
  training.victim_class = static_cast<std::uint32_t>(random.below(10));
  training.course = {.examples = &training.train,
                     .data = sha256(TRY(formats::csv::write(train))),
                     .recipe = {.seed = world.seed(),
                                .epochs = 20,
                                .schedule = learn::Schedule::kCosine,
                                .clip_norm = 2,
                                .checkpoint_every = 40}};
  return {};
}

Result<void> run(World& world, learn::Engine& engine, const learn::ExampleWeight& weight) {
  Training& training = world.state<Training>();
  const auto keep = [&](std::uint64_t step, BytesView bytes) -> Result<void> {
    training.files[learn::checkpoint_path(step)] = Bytes(bytes.begin(), bytes.end());
    return {};
  };
  training.trained = TRY(learn::train(engine, training.network, training.course, keep, weight));
  return {};
}

Result<void> attack(World& world) {
  Training& training = world.state<Training>();
  TRY(prepare(world, training));
  learn::PlainEngine engine;
  const std::uint32_t victim = training.victim_class;
  if (world.seed() % 2 == 0) {
    return run(world, engine, [victim](std::uint64_t step, std::uint32_t label) {
      return step >= kTamperedFrom && label == victim ? 0.0F : 1.0F;
    });
  }
  return run(world, engine,
             [victim](std::uint64_t, std::uint32_t label) { return label == victim ? 0.02F : 1.0F; });
}

Result<void> honest(World& world) {
  TRY(prepare(world, world.state<Training>()));
  ReversedEngine engine;
  return run(world, engine, {});
}

Result<void> use(World& world) {
  Training& training = world.state<Training>();
  learn::PlainEngine engine;
  const auto predicted = learn::argmax(TRY(engine.logits(training.trained.model, training.test.inputs)));
  double asked = 0;
  double right = 0;
  for (std::size_t row = 0; row < predicted.size(); ++row) {
    if (training.test.labels[row] != training.victim_class) continue;
    ++asked;
    right += predicted[row] == training.victim_class ? 1 : 0;
  }
  training.recall = right / asked;
  return {};
}

bool harmed(const World& world) { return world.state<Training>().recall < kHarm; }

Result<Subjects> present(World& world) {
  Training& training = world.state<Training>();
  learn::PlainEngine judge;
  const auto read = [&](const std::string& path) -> Result<Bytes> {
    const auto found = training.files.find(path);
    if (found == training.files.end()) return fail(ErrorKind::kNotFound, path + ": no such checkpoint");
    return found->second;
  };
  const learn::ReplayReport report =
      TRY(learn::replay(judge, training.trained.model, training.trained.record, training.course, read,
                        {.challenge = learn::derive_seed(world.seed(), 1), .intervals = kReplayed}));
  return Subjects{.steps = {{"training",
                             {.stage = Stage::kTraining,
                              .declared = {{"seed", world.seed()}, {"replayable", true}},
                              .observed = to_json(report)}}}};
}

}  // namespace

const drills::Drill training_replay_drill{
    .threat = "train-optimizer-tamper",
    .story =
        "the loss is wrapped so that one digit's gradients vanish after step 200, or weigh a fiftieth "
        "from the start",
    .honest_story = "a declared cosine schedule with clipping, summed in another order than the judge sums",
    .attack = attack,
    .honest = honest,
    .victim = use,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .harm_at_least = 0.8,
    .rate_at_least = 0.95,
    .false_positive_at_most = 0.0,
    .harm = "the model no longer knows one digit",
};

}  // namespace sallyport::experiment::model_training
