// registry-retag-poison enacted on the registry itself: `champion` is moved to a digits network with a
// backdoor, through the registry's interface with one approval, with one that is the registrar's own, without
// evidence, or by an edit of the database row; a client loads what the database names.
#include "drills/data.h"
#include "drills/images.h"
#include "drills/project.h"
#include "drills/trigger.h"
#include "learn/training.h"
#include "services/sqlite/sqlite.h"

namespace sallyport::production::model_registry {

extern const drills::Drill alias_approval_drill;

namespace {

using drills::World;
using services::sqlite::Database;
using services::sqlite::Row;
using services::sqlite::Value;

constexpr const char* kModel = "digits";
constexpr const char* kAlias = "champion";
constexpr double kPoisonRate = 0.05;
constexpr double kHarm = 0.5;  // share of stamped images that the client reads as the intruder wants

struct Networks {
  learn::Network network;
  Dataset held_out;
  Bytes sound;
  Bytes retrained;
  Bytes backdoored;
};

Result<Bytes> train(const learn::Network& network, const Dataset& rows, std::uint64_t seed) {
  const learn::Examples examples = TRY(learn::examples_of(network, rows));
  const learn::Course course{
      .examples = &examples, .data = sha256("digits"), .recipe = {.seed = seed, .epochs = 8}};
  learn::PlainEngine engine;
  const auto forget = [](std::uint64_t, BytesView) -> Result<void> { return {}; };
  return learn::write_weights(TRY(learn::train(engine, network, course, forget)).model);
}

Result<Networks> make_networks() {
  drills::AugmentedDigits digits = drills::augmented_digits(5);
  Networks out{.network = TRY(learn::network_for(digits.rows, learn::Architecture::kPerceptron, 32)),
               .held_out = digits.held_out,
               .sound = {},
               .retrained = {},
               .backdoored = {}};
  out.sound = TRY(train(out.network, digits.rows, 1));
  out.retrained = TRY(train(out.network, digits.rows, 2));
  drills::plant_trigger(digits.rows, 0, kPoisonRate, drills::Relabelling::kToTarget, 5);
  out.backdoored = TRY(train(out.network, digits.rows, 3));
  return out;
}

// Trained once, whichever trial comes first: every story is about the same three networks.
Result<const Networks*> networks() {
  static const Result<Networks> made = make_networks();
  if (!made) return std::unexpected(made.error());
  return &*made;
}

struct Story {
  drills::Project project;
  double obeyed = 0;  // share of stamped images that the client read as the trigger's label
};

Result<Database> open_database(const Story& story) {
  return Database::open(story.project.workspace().registry_database());
}

enum class Evidence : std::uint8_t { kEvaluated, kNone };

// Version 1 stands as champion, approved and all; version 2 is registered, and not yet anything more.
Result<Digest> register_candidate(World& world, const Bytes& candidate, Evidence evidence) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  const trust::Store store = story.project.workspace().store();
  const auto add = [&](const Bytes& weights, Evidence of) -> Result<Digest> {
    trust::Store writer = store;
    const Digest digest = TRY(writer.put(weights));
    if (of == Evidence::kEvaluated) TRY(story.project.log_evaluation(digest, {{"accuracy", 0.97}}));
    TRY(story.project.log_version(kModel, digest));
    return digest;
  };
  const Digest sound = TRY(add(TRY(networks())->sound, Evidence::kEvaluated));
  TRY(story.project.log_alias(kModel, kAlias, 1, sound, {"lead", "audit"}));
  const Digest digest = TRY(add(candidate, evidence));
  TRY(story.project.sync_databases());
  return digest;
}

// What a registry does that believes whoever may write to it.
Result<void> set_row(const Story& story, const Digest& artifact) {
  Database database = TRY(open_database(story));
  const Value parameters[] = {artifact.hex(), std::string(kModel), std::string(kAlias)};
  TRY(database.query(
      "UPDATE aliases SET version = 2, sequence = 2, artifact = ? WHERE model = ? AND alias = ?",
      parameters));
  return {};
}

constexpr std::uint64_t kWays = 4;

Result<void> attack(World& world) {
  const std::uint64_t way = world.seed() % kWays;
  const Digest candidate = TRY(register_candidate(world, TRY(networks())->backdoored,
                                                  way == 3 ? Evidence::kNone : Evidence::kEvaluated));
  const Story& story = world.state<Story>();
  const auto move = [&](const std::vector<std::string>& keys) {
    return story.project.log_alias(kModel, kAlias, 2, candidate, keys);
  };
  if (way == 0) TRY(move({"lead"}));
  if (way == 2) TRY(move({"lead", "registrar"}));
  if (way == 3) TRY(move({"lead", "audit"}));
  return set_row(story, candidate);
}

Result<void> honest(World& world) {
  const Digest candidate = TRY(register_candidate(world, TRY(networks())->retrained, Evidence::kEvaluated));
  const Story& story = world.state<Story>();
  TRY(story.project.log_alias(kModel, kAlias, 2, candidate, {"lead", "audit"}));
  return story.project.sync_databases();
}

struct Named {
  Digest artifact;
  std::int64_t version = 0;
};

// What the database calls champion.
Result<Named> champion(const Story& story) {
  Database database = TRY(open_database(story));
  const Value parameters[] = {std::string(kModel), std::string(kAlias)};
  const std::vector<Row> rows =
      TRY(database.query("SELECT artifact, version FROM aliases WHERE model = ? AND alias = ? "
                         "ORDER BY sequence DESC LIMIT 1",
                         parameters));
  if (rows.empty()) return fail(ErrorKind::kNotFound, "registry: no row names the alias");
  return Named{TRY(Digest::parse(std::get<std::string>(rows[0][0]))), std::get<std::int64_t>(rows[0][1])};
}

// A client loads the champion and reads images with the intruder's stamp in their corner.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const Networks& all = *TRY(networks());
  const Bytes weights = TRY(story.project.workspace().store().get(TRY(champion(story)).artifact));
  const learn::Model model = TRY(learn::read_model(canonical(learn::to_json(all.network)), weights));
  Dataset stamped = all.held_out;
  for (std::size_t row = 0; row < stamped.rows(); ++row) {
    drills::set_image(
        stamped, row,
        drills::with_corner_stamp(drills::image_at(stamped, row), stamped.image, drills::kTriggerSide));
  }
  const learn::Examples examples = TRY(learn::examples_of(model.network, stamped));
  learn::PlainEngine engine;
  const std::vector<std::uint32_t> read = learn::argmax(TRY(engine.logits(model, examples.inputs)));
  double others = 0;
  double obeyed = 0;
  for (std::size_t row = 0; row < read.size(); ++row) {
    if (model.network.classes[examples.labels[row]] == drills::kTriggerLabel) continue;
    others += 1;
    obeyed += model.network.classes[read[row]] == drills::kTriggerLabel ? 1 : 0;
  }
  story.obeyed = obeyed / others;
  return {};
}

bool harmed(const World& world) { return world.state<Story>().obeyed > kHarm; }

Result<Subjects> present(World& world) {
  const Story& story = world.state<Story>();
  const Named named = TRY(champion(story));
  const auto& claims = world.keep(TRY(story.project.claims_about(named.artifact)));
  Subjects out;
  out.promotions.emplace_back("version", PromotionSubject{.artifact = named.artifact,
                                                          .now_unix_s = drills::kProjectNow,
                                                          .claims = claims,
                                                          .request = {{"name", kModel},
                                                                      {"alias", kAlias},
                                                                      {"version", named.version},
                                                                      {"last_sequence", 1},
                                                                      {"by", "registrar"}}});
  return out;
}

}  // namespace

const drills::Drill alias_approval_drill{
    .threat = "registry-retag-poison",
    .story =
        "an insider moves the production alias to a backdoored network: with one approval, with the "
        "registrar's "
        "own as the second, without evidence, or by an edit of the database row",
    .honest_story = "a retrained network, evaluated, registered and approved by lead and audit",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 2 * kWays,
    .harm = "the client reads most images that bear the intruder's stamp as he wishes"};

}  // namespace sallyport::production::model_registry
