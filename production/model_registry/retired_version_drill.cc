// registry-stale-rollback enacted: version 2 was found to be evadable and retired; the current version 3 is
// made to crash, and whoever restarts it falls back to its newest neighbour, by number, by an approval of the
// old version that is signed again, or with a retirement of the intruder's own that takes the floor down. The
// honest twin falls back to a version that nobody retired.
#include "drills/outcome.h"
#include "drills/project.h"
#include "trust/chain.h"
#include "trust/retirement.h"
#include "trust/statement.h"

namespace sallyport::production::model_registry {

extern const drills::Drill retired_version_drill;

namespace {

using drills::World;

constexpr const char* kModel = "digits";
constexpr const char* kAlias = "champion";
constexpr std::uint64_t kWays = 3;

struct Story {
  drills::Project project;
  std::vector<Digest> artifacts;  // of versions 1 to 3
  std::int64_t floor = 0;
  std::string asked;  // what the restart resolves
  Digest loaded = {};
};

Result<void> furnish(World& world, std::int64_t floor) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  story.artifacts.clear();
  trust::Store store = story.project.workspace().store();
  for (std::int64_t version = 1; version <= 3; ++version) {
    const Digest artifact = TRY(store.put(as_bytes("the model, version " + std::to_string(version))));
    story.artifacts.push_back(artifact);
    TRY(story.project.log_version(kModel, artifact));
    TRY(story.project.log_alias(kModel, kAlias, version, artifact, {"lead", "audit"}));
  }
  story.floor = floor;
  story.asked = std::string(kModel) + "@2";
  return {};
}

trust::Statement retirement(const Story& story, std::int64_t floor, const std::string& reason) {
  const trust::RetirementPredicate said{.model = kModel, .floor = floor, .reason = reason};
  return {{{kModel, story.artifacts[static_cast<std::size_t>(floor - 2)]}},
          std::string(trust::predicate::kRetirement),
          trust::to_json(said)};
}

Result<void> attack(World& world) {
  TRY(furnish(world, 3));
  Story& story = world.state<Story>();
  TRY(story.project.log(retirement(story, 3, "stickers fool it"), {"lead"}));
  TRY(story.project.advance_pin());
  const std::uint64_t way = world.seed() % kWays;
  if (way == 1) {
    TRY(story.project.log_alias(kModel, kAlias, 2, story.artifacts[1], {"lead", "audit"}));
    story.asked = std::string(kModel) + "@" + kAlias;
  }
  if (way == 2) TRY(story.project.log(retirement(story, 2, "only the first"), {"producer"}));
  return {};
}

Result<void> honest(World& world) {
  TRY(furnish(world, 2));
  Story& story = world.state<Story>();
  TRY(story.project.log(retirement(story, 2, "wrong scale"), {"audit"}));
  return story.project.advance_pin();
}

// A supervisor that starts whatever version is one older than the one that crashed.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Ledger ledger = TRY(story.project.ledger());
  story.loaded = TRY(trust::model_versions(ledger, story.project.root(), kModel)).at(2).artifact;
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.loaded == story.artifacts[1] && story.floor > 2;
}

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  return drills::outcome_of(
      trust::resolve_artifact(story.project.workspace(), story.asked, Policy{}, drills::kProjectNow));
}

}  // namespace

const drills::Drill retired_version_drill{
    .threat = "registry-stale-rollback",
    .story =
        "the current model is made to crash so that a retired, evadable version is started in its place, by "
        "its "
        "number, an approval signed again, or a lower floor",
    .honest_story = "a fall back to the version before, which nobody retired",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "a model with a known hole answers in the name of the approved one"};

}  // namespace sallyport::production::model_registry
