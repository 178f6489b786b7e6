// export-graph-injection enacted: a runtime that trusts a graph runs it, in the sandbox.
#include "drills/drill.h"
#include "drills/forges/graphs.h"
#include "drills/forges/pickles.h"
#include "drills/victims/graph_runtime.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;

constexpr std::string_view kModel = "model/model.onnx";

Result<void> attack(World& world) {
  const auto deed = static_cast<drills::forges::GraphDeed>(world.seed() % drills::forges::kGraphDeeds);
  TRY(world.write(drills::forges::kSecretName, drills::forges::secret_weights()));
  return world.write(kModel, drills::forges::hostile_graph(deed));
}

Result<void> honest(World& world) {
  TRY(world.write(drills::forges::kSecretName, drills::forges::secret_weights()));
  return world.write(kModel, drills::forges::masked_graph());
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, drills::victims::graph_runtime_script(), {std::string(kModel)});
}

bool harmed(const World& world) {
  const Result<Bytes> answer = world.read(drills::victims::kAnswer);
  return world.exists(drills::forges::kMark) || (answer && as_text(*answer) == drills::forges::kStolen);
}

Result<Subjects> present(World& world) {
  const Bytes& bytes = world.keep(TRY(world.read(kModel)));
  Subjects out;
  out.files.emplace_back(std::string(kModel), FileSubject{.path = std::string(kModel), .bytes = bytes});
  return out;
}

}  // namespace

extern const drills::Drill graph_injection_drill;
const drills::Drill graph_injection_drill{
    .threat = "export-graph-injection",
    .story =
        "a graph gains a custom operator, one that reads a file, a path that climbs out, or a hidden choice",
    .honest_story = "a graph that masks its input",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 8,
    .harm = "the model acts, tells what lies outside its folder, or obeys a trigger"};

}  // namespace sallyport::production::model_export
