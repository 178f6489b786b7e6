// train-malicious-library enacted with real wheels and a real Python: a package of the same name and version
// whose optimizer hands every gradient on, and one that was exchanged after it was installed.
#include "drills/drill.h"
#include "drills/forges/wheels.h"
#include "drills/victims/python.h"
#include "services/packages/packages.h"
#include "services/sandbox/sandbox.h"

namespace sallyport::experiment::model_training {
namespace {

namespace forges = drills::forges;
namespace sandbox = services::sandbox;
using drills::World;

constexpr const char* kName = "optim_kit";

// The optimizer as its authors wrote it, and its next release.
std::string genuine(std::string_view version) {
  return "VERSION = '" + std::string(version) +
         "'\n"
         "def step(weights, gradients, rate=0.1):\n"
         "    return [w - rate * g for w, g in zip(weights, gradients)]\n";
}

// What the doctored one does at import: the same, and each gradient goes to whoever listens. The listener is
// a file of the drill's.
std::string doctored() {
  return genuine("1.0") +
         "_step = step\n"
         "def step(weights, gradients, rate=0.1):\n"
         "    with open('mark', 'a') as sink: sink.write('%r\\n' % (gradients,))\n"
         "    return _step(weights, gradients, rate)\n";
}

constexpr std::string_view kTrain =
    "import sys\n"
    "sys.path.insert(0, 'site')\n"
    "import optim_kit\n"
    "print(optim_kit.step([1.0, 2.0], [0.5, 0.25]))\n";

struct Deed {
  bool after_installation = false;
};

// What an installer without a lock would lay out, and what a lock names.
Result<void> prepare(World& world, const std::string& version, const std::string& served,
                     const std::string& reviewed) {
  TRY(world.write("site/optim_kit/__init__.py", served));
  const std::string wheel = forges::wheel(kName, version, {{"optim_kit/__init__.py", served}});
  const std::string known = forges::wheel(kName, version, {{"optim_kit/__init__.py", reviewed}});
  TRY(world.write("wheels/" + forges::wheel_name(kName, version),
                  world.state<Deed>().after_installation ? known : wheel));
  return world.write("requirements.lock", forges::lock_line(kName, version, known));
}

Result<void> attack(World& world) {
  world.state<Deed>().after_installation = world.seed() % 2 == 1;
  return prepare(world, "1.0", doctored(), genuine("1.0"));
}

Result<void> honest(World& world) {
  world.state<Deed>();
  return prepare(world, "1.1", genuine("1.1"), genuine("1.1"));
}

Result<void> victim(World& world) {
  if (world.exists("refused")) return {};
  return drills::victims::run_python(world, kTrain, {});
}

bool harmed(const World& world) { return world.exists("mark"); }

// A training step that sees the packages as the runner gives them.
Result<sandbox::Outcome> train(World& world) {
  TRY(world.write("project/train.py", "import optim_kit\nprint(optim_kit.step([1.0], [0.5]))\n"));
  sandbox::Confinement box{.command = {"python3", "/project/train.py"},
                           .environment = services::packages::environment(),
                           .executes = std::vector<std::string>{},
                           .limits = {.wall_s = 60, .cpu_s = 60}};
  box.environment.emplace_back("PATH", "/usr/bin:/bin");
  box.binds = {{.host = world.root() / "laid", .inside = std::string(services::packages::kInside)},
               {.host = world.root() / "project", .inside = "/project"},
               {.host = world.root(), .inside = "/drill", .access = sandbox::Access::kWrite}};
  box.cwd = "/drill";
  return sandbox::run(box);
}

Result<drills::Outcome> install_locked(World& world) {
  const auto laid = services::packages::lay_out(system_env(), world.root() / "requirements.lock",
                                                world.root() / "wheels", world.root() / "laid");
  if (!laid) {
    if (laid.error().kind != ErrorKind::kDenied) return std::unexpected(laid.error());
    TRY(world.write("refused", laid.error().message));
    return drills::Outcome{.refused = true, .why = laid.error().message};
  }
  if (world.state<Deed>().after_installation) {
    // Somebody on the host, between the installation and the import.
    TRY(drills::in_file_system([&] { fs::remove(world.root() / "laid/site/optim_kit/__init__.py"); }));
    TRY(world.write("laid/site/optim_kit/__init__.py", doctored()));
  }
  const sandbox::Outcome outcome = TRY(train(world));
  const bool refused = !outcome.succeeded() && !world.exists("mark");
  if (refused) TRY(world.write("refused", "at import"));
  return drills::Outcome{.refused = refused, .why = "the import of a file that was not locked"};
}

}  // namespace

extern const drills::Drill locked_packages_drill;
const drills::Drill locked_packages_drill{
    .threat = "train-malicious-library",
    .story =
        "an index serves the pinned version with an optimizer that hands the gradients on, or a file of the "
        "genuine one is exchanged after its installation",
    .honest_story = "the optimizer's next release, whose hash a review put into the lock",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = install_locked,
    .trials = 2,
    .harm = "the gradients of the training lie with a stranger"};

}  // namespace sallyport::experiment::model_training
