// export-hub-poisoned-model enacted: a folder from a hub is loaded as a library that trusts it does.
#include "drills/drill.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;

Result<void> attack(World& world) {
  TRY(world.write("config.json",
                  R"({"model_type": "bert", "auto_map": {"AutoModel": "modeling_bert.Bert"}})"));
  return world.write("modeling_bert.py", "import os\nos.mkdir('mark')\nclass Bert:\n    pass\n");
}

Result<void> honest(World& world) { return world.write("config.json", R"({"model_type": "bert"})"); }

// What trust_remote_code means: import the module that the configuration names.
Result<void> victim(World& world) {
  constexpr std::string_view kScript = R"python(
import importlib, json, os, sys
sys.path.insert(0, os.getcwd())
config = json.load(open("config.json"))
for name in config.get("auto_map", {}).values():
    module, kind = name.rsplit(".", 1)
    getattr(importlib.import_module(module), kind)()
)python";
  return drills::victims::run_python(world, kScript, {});
}

bool harmed(const World& world) { return world.exists("mark"); }

Result<Subjects> present(World& world) {
  std::vector<TreeEntry>& tree = world.keep(std::vector<TreeEntry>{});
  for (const char* name : {"config.json", "modeling_bert.py"}) {
    if (world.exists(name)) tree.push_back({.path = name});
  }
  Subjects out;
  for (const TreeEntry& entry : tree) {
    const Bytes& bytes = world.keep(TRY(world.read(entry.path)));
    out.files.emplace_back(entry.path, FileSubject{.path = entry.path, .bytes = bytes, .tree = tree});
  }
  return out;
}

}  // namespace

extern const drills::Drill hub_intake_drill;
const drills::Drill hub_intake_drill{
    .threat = "export-hub-poisoned-model",
    .story = "a model from a hub names a module beside its weights, and importing that acts",
    .honest_story = "the same model as data alone",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .harm = "loading the model runs its publisher's code"};

}  // namespace sallyport::production::model_export
