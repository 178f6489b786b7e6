// export-registry-substitution enacted: between the registration of a model and its rollout, somebody who may
// write all of the registry's files replaces the object behind an approved alias, offers the older version
// whose approval was superseded, or one that the evaluator, who may not approve, has signed for and logged.
// The honest twin is a newly promoted version that rolls out.
#include "drills/outcome.h"
#include "drills/project.h"
#include "services/registry/registry.h"
#include "services/sqlite/sqlite.h"
#include "trust/chain.h"

namespace sallyport::production::model_export {

extern const drills::Drill registry_substitution_drill;

namespace {

using drills::World;
using services::sqlite::Database;
using services::sqlite::Row;
using services::sqlite::Value;

constexpr const char* kModel = "digits";
constexpr const char* kAlias = "champion";

struct Story {
  drills::Project project;
  std::vector<Digest> versions = {};
  Digest approved = {};  // what is to be deployed by right
  Bytes deployed = {};
};

// The next version, approved by lead and audit.
Result<void> promote(World& world, std::string_view weights) {
  Story& story = world.state<Story>();
  trust::Store store = story.project.workspace().store();
  story.approved = TRY(store.put(as_bytes(weights)));
  story.versions.push_back(story.approved);
  const auto version = TRY(story.project.log_version(kModel, story.approved));
  TRY(story.project.log_alias(kModel, kAlias, version, story.approved, {"lead", "audit"}));
  return story.project.sync_databases();
}

// Each deployment moves the client's own pin forward.
Result<void> start(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  TRY(promote(world, "weights of version 1, which is known to be evaded"));
  TRY(promote(world, "weights of version 2"));
  return story.project.advance_pin();
}

// What the readable copy says, as whoever writes the registry's files may have it.
Result<void> repoint(const Story& story, const Digest& to) {
  Database database = TRY(Database::open(story.project.workspace().registry_database()));
  const Value parameters[] = {to.hex(), std::string(kModel), std::string(kAlias)};
  TRY(database.query("UPDATE aliases SET artifact = ? WHERE model = ? AND alias = ?", parameters));
  return {};
}

constexpr std::uint64_t kWays = 3;

Result<void> attack(World& world) {
  TRY(start(world));
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  const std::string trojan = "weights of a trojan " + std::to_string(world.seed());
  const std::uint64_t way = world.seed() % kWays;
  if (way == 0) {
    const fs::path object = workspace.store().path_of(story.approved);
    TRY(system_env().remove(object));
    return system_env().write_new(object, as_bytes(trojan), 0444);
  }
  if (way == 1) {
    // Its approval is genuine and logged, and was superseded.
    return repoint(story, story.versions.front());
  }
  trust::Store store = workspace.store();
  const Digest planted = TRY(store.put(as_bytes(trojan)));
  TRY(story.project.log_version(kModel, planted));
  TRY(story.project.log_alias(kModel, kAlias, 3, planted, {"evaluator"}));
  return repoint(story, planted);
}

Result<void> honest(World& world) {
  TRY(start(world));
  return promote(world, "weights of version 3");
}

// A rollout that asks the database for the alias and takes the object's file as it stands.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  Database database = TRY(Database::open(story.project.workspace().registry_database()));
  const Value parameters[] = {std::string(kModel), std::string(kAlias)};
  const std::vector<Row> rows = TRY(database.query(
      "SELECT artifact FROM aliases WHERE model = ? AND alias = ? ORDER BY sequence DESC LIMIT 1",
      parameters));
  if (rows.empty()) return fail(ErrorKind::kNotFound, "registry: no row names the alias");
  const Digest named = TRY(Digest::parse(std::get<std::string>(rows[0][0])));
  story.deployed = TRY(system_env().read_file(story.project.workspace().store().path_of(named)));
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return sha256(story.deployed) != story.approved;
}

// Admission: the alias from signed statements in a log that extends the pinned one, the object by digest, and
// the readable copy held against the log.
Result<Digest> admit(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  const auto named = TRY(
      trust::resolve_artifact(workspace, std::string(kModel) + "@" + kAlias, Policy{}, drills::kProjectNow));
  TRY(workspace.store().get(named.digest));
  TRY(services::registry::check(workspace, TRY(story.project.ledger()), story.project.root()));
  TRY(story.project.advance_pin());
  return named.digest;
}

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  const Result<Digest> admitted = admit(story);
  if (admitted && *admitted != story.approved) return fail(ErrorKind::kDenied, "another model was admitted");
  return drills::outcome_of(admitted);
}

}  // namespace

const drills::Drill registry_substitution_drill{
    .threat = "export-registry-substitution",
    .story =
        "before the rollout the object behind the approved alias is replaced, or the registry offers a "
        "superseded version, or one under a signature that may not approve",
    .honest_story = "a newly promoted version rolls out",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "a model that nobody approved is deployed"};

}  // namespace sallyport::production::model_export
