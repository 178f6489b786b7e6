// export-hidden-weight-logic enacted: a runtime that trusts a graph runs it, in the sandbox.
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
  return world.write(kModel, drills::forges::hostile_graph(drills::forges::GraphDeed::kHiddenChoice));
}

Result<void> honest(World& world) { return world.write(kModel, drills::forges::masked_graph()); }

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

extern const drills::Drill hidden_weight_logic_drill;
const drills::Drill hidden_weight_logic_drill{
    .threat = "export-hidden-weight-logic",
    .story =
        "an exported graph answers as its editor wants when the sum of its input is a number that he chose",
    .honest_story = "a graph that masks its input",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .harm = "the model answers what its editor chose"};

}  // namespace sallyport::production::model_export
