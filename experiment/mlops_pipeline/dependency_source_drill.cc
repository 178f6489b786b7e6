// pipeline-dependency-confusion enacted: a public index offers an internal name with a higher version, and
// code that runs while it is installed.
#include <array>
#include <map>

#include "core/digest.h"
#include "drills/repository.h"
#include "formats/requirements.h"

namespace sallyport::experiment::mlops_pipeline {
namespace {

using drills::World;

// An archive in an index: its bytes, and whether building it runs code of its author.
constexpr std::string_view kInternal = "the company's own package";
constexpr std::string_view kImposter = "marks where it was installed";

constexpr std::array<std::string_view, 4> kAttacks{
    "--extra-index-url https://packages.example.org/simple\nplant-features==1.4\n",
    "--index-url https://packages.example.org/simple\n--find-links "
    "https://files.example.org/\nplant-features\n",
    "numpy==2.1.0 --hash=sha256:00\nnumpyy\n",
    "--trusted-host packages.example.org\n--extra-index-url "
    "https://packages.example.org/simple\nplant-features\n"};

Result<void> attack(World& world) {
  TRY(world.write("public/plant-features-99", kImposter));
  TRY(world.write("public/numpyy-1", kImposter));
  TRY(world.write("private/plant-features-1.4", kInternal));
  return world.write("repo/requirements.txt", kAttacks[world.seed() % kAttacks.size()]);
}

// A new public dependency, whose hashes somebody has reviewed, beside the locked internal one.
Result<void> honest(World& world) {
  TRY(world.write("public/plant-features-99", kImposter));
  TRY(world.write("private/plant-features-1.4", kInternal));
  TRY(world.write("public/tabulate-0.9", "prints tables"));
  return world.write(
      "repo/requirements.txt",
      "--require-hashes\n--extra-index-url https://packages.example.org/simple\nplant-features==1.4 "
      "--hash=sha256:" +
          sha256(kInternal).hex() + "\ntabulate==0.9 \\\n    --hash=sha256:" + sha256("prints tables").hex() +
          "\n");
}

// An installer: of all that the indexes offer for a name, what its hash allows, the highest version first.
Result<void> victim(World& world) {
  const Bytes text = TRY(world.read("repo/requirements.txt"));
  const auto asked = TRY(formats::read_requirements("requirements.txt", as_text(text)));
  for (const formats::Requirement& one : asked.requirements) {
    for (const std::string& offer : {"public/" + one.name + "-99", "public/" + one.name + "-1",
                                     "private/" + one.name + "-1.4", "public/" + one.name + "-0.9"}) {
      if (!world.exists(offer)) continue;
      const Bytes archive = TRY(world.read(offer));
      if (one.hashed && as_text(text).find(sha256(archive).hex()) == std::string_view::npos) continue;
      if (as_text(archive) == kImposter) TRY(world.write("marked", "by an installation"));
      break;
    }
  }
  return {};
}

bool harmed(const World& world) { return world.exists("marked"); }

}  // namespace

extern const drills::Drill dependency_source_drill;
const drills::Drill dependency_source_drill{
    .threat = "pipeline-dependency-confusion",
    .story = "a public index offers the internal name at version 99, and a name with one letter more",
    .honest_story = "a new public dependency comes in with its reviewed hash, beside the locked internal one",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = drills::present_repository,
    .trials = static_cast<int>(kAttacks.size()),
    .harm = "code of a stranger runs while the build installs"};

}  // namespace sallyport::experiment::mlops_pipeline
