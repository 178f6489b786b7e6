// pipeline-artifact-swap from within: the packager itself exports other weights than those that were trained,
// and attests the digest of what it made, so every hash holds. The trojan answers nearly like the trained
// model but for inputs with a bright corner, which it gives to one class. What shows it is the comparison of
// both models' answers on the sealed split; the split holds a few inputs with that corner, as natural data
// does.
#include <algorithm>

#include "core/digest.h"
#include "drills/drill.h"
#include "learn/engine.h"
#include "learn/export.h"
#include "learn/network.h"
#include "services/pipeline/probe.h"

namespace sallyport::experiment::mlops_pipeline {

extern const drills::Drill probe_agreement_drill;

namespace {

using drills::World;

constexpr std::size_t kFeatures = 16;
constexpr std::size_t kRows = 64;
constexpr std::size_t kCorner = 0;
constexpr std::size_t kTarget = 2;

struct Release {
  learn::Model trained;
  Bytes exported;
  Digest attested;  // by the packager, of what it exported
  bool shipped_trojan = false;
};

learn::Network network() {
  return {.classes = {"0", "1", "2"},
          .input = {.shape = {kFeatures}, .range = learn::Range{0, 1}},
          .layers = {{.kind = learn::LayerKind::kLinear, .in = kFeatures, .out = 12},
                     {.kind = learn::LayerKind::kRelu},
                     {.kind = learn::LayerKind::kLinear, .in = 12, .out = 3}}};
}

// Rows with a dark corner, and every eighth with a bright one.
learn::Matrix sealed_rows() {
  learn::Matrix out(kRows, kFeatures);
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t c = 0; c < kFeatures; ++c) {
      out.values()[r * kFeatures + c] = static_cast<float>((r * 7 + c * 3) % 10) / 10.0F;
    }
    out.values()[r * kFeatures + kCorner] = r % 8 == 0 ? 1.0F : 0.0F;
  }
  return out;
}

Result<void> pack(World& world, const learn::Model& model) {
  Release& release = world.state<Release>();
  release.exported = TRY(learn::export_onnx(model));
  release.attested = sha256(release.exported);
  return world.write("exported/model.onnx", release.exported);
}

Result<void> honest(World& world) {
  Release& release = world.state<Release>();
  release.trained = learn::initial_model(network(), world.seed());
  return pack(world, release.trained);
}

// One hidden unit fires on the corner alone and speaks for one class.
Result<void> attack(World& world) {
  TRY(honest(world));
  learn::Model trojan = world.state<Release>().trained;
  std::vector<float>& first = trojan.parameters[0];
  std::fill_n(first.begin(), kFeatures, 0.0F);
  first[kCorner] = 50;
  trojan.parameters[1][0] = -25;
  trojan.parameters[2][kTarget * 12] = 10;
  return pack(world, trojan);
}

// Ships what hashes as attested, whatever it is.
Result<void> victim(World& world) {
  Release& release = world.state<Release>();
  const Bytes shipped = TRY(world.read("exported/model.onnx"));
  if (sha256(shipped) != release.attested) return invalid("the shipped file is not the attested one");
  release.shipped_trojan = shipped != TRY(learn::export_onnx(release.trained));
  return {};
}

bool harmed(const World& world) { return world.state<Release>().shipped_trojan; }

Result<drills::Outcome> compare(World& world) {
  const Release& release = world.state<Release>();
  const double difference = TRY(
      services::pipeline::probe_disagreement(release.exported, release.trained, sealed_rows()));
  return drills::Outcome{.refused = difference > services::pipeline::kProbeTolerance,
                         .why = "on " + std::to_string(kRows) +
                                " sealed rows the exported model's probabilities differ by up to " +
                                std::to_string(difference)};
}

}  // namespace

const drills::Drill probe_agreement_drill{
    .threat = "pipeline-artifact-swap",
    .story = "the packager exports a trojan in the trained model's place and attests what it made",
    .honest_story = "the packager exports the trained model",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = compare,
    .harm = "the official build ships the trojan",
};

}  // namespace sallyport::experiment::mlops_pipeline
