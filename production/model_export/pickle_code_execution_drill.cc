// export-deserialize-exec enacted: a model file is loaded by CPython's own unpickler, in the sandbox.
#include "drills/drill.h"
#include "drills/forges/pickles.h"
#include "drills/honest_models.h"
#include "drills/victims/model_loader.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;

struct Exported {
  std::string name;
};

Result<void> attack(World& world) {
  const auto& all = drills::forges::hostile_pickles();
  const drills::forges::HostilePickle& hostile = all[world.seed() % all.size()];
  world.state<Exported>().name = "model" + hostile.suffix;
  return world.write(world.state<Exported>().name, hostile.bytes);
}

// Small files that NumPy, scikit-learn, joblib and PyTorch wrote; tools/fixtures/pickles made them.
Result<void> honest(World& world) {
  const std::span<const drills::HonestModel> all = drills::honest_models();
  const drills::HonestModel& model = all[world.seed() % all.size()];
  world.state<Exported>().name = "model" + std::string(model.suffix);
  return world.write(world.state<Exported>().name, model.bytes);
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, drills::victims::model_loader_script(),
                                     {world.state<Exported>().name});
}

bool harmed(const World& world) { return world.exists(drills::forges::kMark); }

Result<Subjects> present(World& world) {
  const std::string& name = world.state<Exported>().name;
  const Bytes& bytes = world.keep(TRY(world.read(name)));
  Subjects out;
  out.files.emplace_back(name, FileSubject{.path = name, .bytes = bytes});
  return out;
}

}  // namespace

extern const drills::Drill pickle_code_execution_drill;
const drills::Drill pickle_code_execution_drill{
    .threat = "export-deserialize-exec",
    .story = "a published model file calls a function of its author's choice when it is loaded",
    .honest_story = "model files as NumPy, pandas, scikit-learn, joblib and PyTorch write them",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = drills::forges::kHostilePickles,
    .harm = "loading the model runs what its author chose"};

}  // namespace sallyport::production::model_export
