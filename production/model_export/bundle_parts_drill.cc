// export-labelmap-mismatch enacted: intact weights lie in a bucket with a label map and a preprocessing
// beside them. Whoever may write there exchanges two of the ten labels, each of the 45 pairs in turn, changes
// the constants that pixels are scaled with, or turns the picture on its side; every other time it is the
// packager, who signs the result anew, so that every digest is right. The honest twin is a release in which
// keys stand in another order and display names lie beside the labels.
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "learn/bundle_parts.h"
#include "learn/engine.h"
#include "trust/bundle.h"
#include "trust/keys.h"
#include "trust/model_signature.h"

namespace sallyport::production::model_export {

extern const drills::Drill bundle_parts_drill;

namespace {

using drills::World;

constexpr std::size_t kTrainRows = 1400;
constexpr std::size_t kClasses = 10;
constexpr std::uint64_t kPairs = 45;
constexpr std::uint64_t kWays = kPairs + 3;
constexpr const char* kSignature = "model.sig";
// Of held-out images, how many may be called otherwise than by the released model before it is harm.
constexpr double kHarmShare = 0.02;

Dataset rows_of(std::size_t begin, std::size_t end) {
  std::vector<std::size_t> rows(end - begin);
  std::iota(rows.begin(), rows.end(), begin);
  return drills::digits().pick(rows);
}

learn::Network network_of(const learn::InputSpec& input) {
  const std::vector<std::string> classes{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};
  return {.classes = classes,
          .input = input,
          .layers = {{.kind = learn::LayerKind::kLinear, .in = 64, .out = kClasses}}};
}

// A linear classifier of the digits, by gradient descent over all rows at once.
Result<learn::Model> train() {
  learn::Model model = learn::initial_model(network_of({.shape = {64}, .shift = {0}, .scale = {16}}), 7);
  const Dataset rows = rows_of(0, kTrainRows);
  const learn::Matrix inputs = TRY(learn::scaled_inputs(model.network.input, TRY(learn::features_of(rows))));
  const std::vector<std::uint32_t> labels = TRY(learn::classes_of(rows, model.network.classes));
  learn::PlainEngine engine;
  for (int step = 0; step < 120; ++step) {
    const auto gradient = TRY(engine.gradient(model, inputs, labels, {}, learn::Want::kParameters));
    for (std::size_t i = 0; i < model.parameters.size(); ++i) {
      for (std::size_t j = 0; j < model.parameters[i].size(); ++j) {
        model.parameters[i][j] -= gradient.parameters[i][j];
      }
    }
  }
  return model;
}

const Result<learn::Model>& trained() {
  static const Result<learn::Model> kModel = train();
  return kModel;
}

struct Story {
  trust::PrivateKey key;
  std::string public_key = {};
  std::vector<std::string> released = {};  // what the released model calls the held-out images
  std::vector<std::string> called = {};    // and what the loader does
};

fs::path bucket(const World& world) { return world.root() / "bucket"; }

// bundle.json over what lies there, and the signature over both.
Result<void> sign(World& world) {
  Env& env = system_env();
  TRY(drills::in_file_system([&] { fs::remove(bucket(world) / trust::kBundleFile); }));
  const trust::Bundle bundle = trust::bundle_of(TRY(trust::scan_directory(env, bucket(world))));
  TRY(world.write("bucket/" + std::string(trust::kBundleFile), trust::serialize(bundle)));
  const trust::ModelSigner signer{
      .key = TRY(trust::EcdsaPrivateKey::from_pem(world.state<std::shared_ptr<Story>>()->key.pem()))};
  const Json statement = trust::model_statement("model", TRY(trust::scan_directory(env, bucket(world))), "");
  return world.write(kSignature, TRY(trust::sign_model(statement, signer, env.now_unix_s())));
}

// A loader: reads what lies there, scales as it is told, and says what the label map says.
struct Loaded {
  learn::Model model;
  std::vector<std::string> labels = {};
  learn::Preprocessing preprocessing = {};

  Result<learn::Matrix> answers(const learn::Golden& inputs) const {
    const learn::Matrix fed = TRY(learn::golden_inputs(inputs, preprocessing));
    return learn::softmax(TRY(learn::PlainEngine().logits(model, fed)));
  }
};

Result<Loaded> load(const World& world) {
  const Bytes description = TRY(world.read("bucket/model.json"));
  const Bytes weights = TRY(world.read("bucket/model.safetensors"));
  Loaded out{.model = TRY(learn::read_model(as_text(description), weights))};
  out.labels = TRY(learn::parse_labels(as_text(TRY(world.read("bucket/labels.json")))));
  out.preprocessing = TRY(learn::parse_preprocessing(as_text(TRY(world.read("bucket/preprocessing.json")))));
  return out;
}

Result<std::vector<std::string>> call_held_out(const World& world) {
  const Dataset rows = rows_of(kTrainRows, drills::digits().rows());
  learn::Golden inputs;
  for (const std::size_t column : rows.feature_columns())
    inputs.features.push_back(rows.columns[column].name);
  const learn::Matrix features = TRY(learn::features_of(rows));
  for (std::size_t i = 0; i < features.rows(); ++i) {
    const auto row = features.row(i);
    inputs.samples.push_back({.values = {row.begin(), row.end()}});
  }
  const Loaded loaded = TRY(load(world));
  std::vector<std::string> out;
  for (const std::uint32_t best : learn::argmax(TRY(loaded.answers(inputs)))) {
    out.push_back(loaded.labels[best]);
  }
  return out;
}

Result<void> release(World& world) {
  auto& story = world.state<std::shared_ptr<Story>>();
  story = std::make_shared<Story>(
      Story{.key = TRY(trust::PrivateKey::generate(system_env(), trust::KeyAlgorithm::kEcdsaP256))});
  story->public_key = TRY(trust::EcdsaPrivateKey::from_pem(story->key.pem())).public_key().pem();
  const learn::Model model = TRY(trained());
  const Dataset rows = rows_of(0, kTrainRows);
  const learn::Golden golden = TRY(learn::golden_of(model, rows));
  // The pixels are scaled before they enter.
  const learn::Model bare{.network = network_of({.shape = {64}}), .parameters = model.parameters};
  const learn::Preprocessing preprocessing{
      .features = golden.features, .input = model.network.input, .in_graph = false};
  TRY(world.write("bucket/model.json", pretty(learn::to_json(bare.network))));
  TRY(world.write("bucket/model.safetensors", learn::write_weights(bare)));
  TRY(world.write("bucket/labels.json", pretty(learn::labels_json(model.network.classes))));
  TRY(world.write("bucket/preprocessing.json", pretty(learn::to_json(preprocessing))));
  TRY(world.write("bucket/golden.json", pretty(learn::to_json(golden))));
  TRY(sign(world));
  story->released = TRY(call_held_out(world));
  return {};
}

// The way-th of the 45 pairs of labels.
std::pair<std::size_t, std::size_t> pair_of(std::uint64_t way) {
  std::size_t first = 0;
  while (way >= kClasses - 1 - first) way -= kClasses - 1 - first++;
  return {first, first + 1 + way};
}

Result<void> attack(World& world) {
  TRY(release(world));
  const std::uint64_t way = world.seed() % kWays;
  if (way < kPairs) {
    std::vector<std::string> labels = TRY(load(world)).labels;
    const auto [one, other] = pair_of(way);
    std::swap(labels[one], labels[other]);
    TRY(world.write("bucket/labels.json", pretty(learn::labels_json(labels))));
  } else {
    learn::Preprocessing said = TRY(load(world)).preprocessing;
    std::vector<float> half(64, way == kPairs ? 0.0F : 16.0F);
    for (std::size_t i = 0; i < half.size() / 2; ++i) half[i] = way == kPairs ? 8.0F : 2.0F;
    if (way == kPairs) said.input.shift = half;
    if (way == kPairs + 1) said.input.scale = half;
    if (way == kPairs + 2) {
      const std::vector<std::string> upright = said.features;
      for (std::size_t i = 0; i < upright.size(); ++i) said.features[i % 8 * 8 + i / 8] = upright[i];
    }
    TRY(world.write("bucket/preprocessing.json", pretty(learn::to_json(said))));
  }
  const bool packager = world.seed() / kWays % 2 == 1;
  return packager ? sign(world) : Result<void>{};
}

Result<void> honest(World& world) {
  TRY(release(world));
  const Json said = TRY(parse_json(as_text(TRY(world.read("bucket/preprocessing.json")))));
  std::string reordered;
  for (auto item = said.rbegin(); item != said.rend(); ++item) {
    reordered += (reordered.empty() ? "{" : ",") + Json(item.key()).dump() + ":" + item.value().dump();
  }
  TRY(world.write("bucket/preprocessing.json", reordered + "}"));
  TRY(world.write("bucket/display_names.de.json", R"({"0": "Null", "1": "Eins", "2": "Zwei"})"));
  return sign(world);
}

Result<void> victim(World& world) {
  world.state<std::shared_ptr<Story>>()->called = TRY(call_held_out(world));
  return {};
}

bool harmed(const World& world) {
  const Story& story = *world.state<std::shared_ptr<Story>>();
  std::size_t otherwise = 0;
  for (std::size_t i = 0; i < story.called.size(); ++i) otherwise += story.called[i] != story.released[i];
  return static_cast<double>(otherwise) > kHarmShare * static_cast<double>(story.called.size());
}

Result<drills::Outcome> defend(World& world) {
  const auto key = TRY(trust::EcdsaPublicKey::from_pem(world.state<std::shared_ptr<Story>>()->public_key));
  const Bytes signature = TRY(world.read(kSignature));
  const auto unsigned_parts = TRY(trust::check_model(
      system_env(), bucket(world), TRY(trust::open_model_bundle(signature, key)), world.root() / kSignature));
  if (!unsigned_parts.empty()) return drills::Outcome{.refused = true, .why = unsigned_parts.front()};
  const trust::Bundle bundle = TRY(trust::parse_bundle(TRY(world.read("bucket/bundle.json"))));
  const auto different = trust::check_bundle(bundle, TRY(trust::scan_directory(system_env(), bucket(world))));
  if (!different.empty()) return drills::Outcome{.refused = true, .why = different.front()};
  // Every digest is right; what the parts do together is not a matter of digests.
  const Loaded loaded = TRY(load(world));
  const learn::Golden golden = TRY(learn::parse_golden(as_text(TRY(world.read("bucket/golden.json")))));
  const auto wrong = learn::golden_differences(golden, loaded.labels, TRY(loaded.answers(golden)));
  if (wrong.empty()) return drills::Outcome{};
  return drills::Outcome{.refused = true, .why = wrong.front()};
}

}  // namespace

const drills::Drill bundle_parts_drill{
    .threat = "export-labelmap-mismatch",
    .story =
        "beside intact weights two labels are exchanged, the constants of the scaling change or the picture "
        "is turned on its side; every other time with a signature that is made anew",
    .honest_story = "the same parts with keys in another order and display names beside them, released anew",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "images are called by the name that the intruder chose"};

}  // namespace sallyport::production::model_export
