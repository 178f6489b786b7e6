// export-edge-operator-payload enacted: a device that trusts a package loads it, in the sandbox.
#include "drills/drill.h"
#include "drills/forges/packages.h"
#include "drills/forges/pickles.h"
#include "drills/victims/device.h"
#include "drills/victims/python.h"

namespace sallyport::production::model_export {
namespace {

using drills::World;

constexpr std::string_view kModel = "model.tflite";

Result<void> attack(World& world) {
  const int deed = 1 + static_cast<int>(world.seed() % drills::forges::kPackageDeeds);
  return world.write(kModel, drills::forges::device_package(static_cast<drills::forges::PackageDeed>(deed)));
}

Result<void> honest(World& world) {
  return world.write(kModel, drills::forges::device_package(drills::forges::PackageDeed::kNone));
}

Result<void> victim(World& world) {
  return drills::victims::run_python(world, drills::victims::device_script(), {std::string(kModel)});
}

bool harmed(const World& world) {
  const Result<Bytes> sum = world.read(drills::victims::kSum);
  return world.exists(drills::forges::kMark) || (sum && as_text(*sum) == drills::forges::kStolenSum);
}

Result<Subjects> present(World& world) {
  const Bytes& bytes = world.keep(TRY(world.read(kModel)));
  Subjects out;
  out.files.emplace_back(std::string(kModel), FileSubject{.path = std::string(kModel), .bytes = bytes});
  return out;
}

}  // namespace

extern const drills::Drill edge_operator_payload_drill;
const drills::Drill edge_operator_payload_drill{
    .threat = "export-edge-operator-payload",
    .story = "a device package carries a custom operator, an offset out of the file, or appended data",
    .honest_story = "a package of builtin operators",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 6,
    .harm = "the device runs a hook or tells what its memory holds"};

}  // namespace sallyport::production::model_export
