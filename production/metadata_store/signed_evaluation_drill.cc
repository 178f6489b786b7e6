// meta-metric-tamper enacted on the metadata store itself: a weak model's score is raised in the SQLite file,
// or through the store's interface by a role that may not evaluate; a promotion script reads the database.
#include "drills/project.h"
#include "services/sqlite/sqlite.h"

namespace sallyport::production::metadata_store {

extern const drills::Drill signed_evaluation_drill;

namespace {

using drills::World;
using services::sqlite::Database;
using services::sqlite::Row;
using services::sqlite::Value;

constexpr double kWeak = 0.71;
constexpr double kBar = 0.90;  // what the script promotes from

struct Story {
  drills::Project project;
  Digest model = {};
  double true_score = kWeak;
  bool promoted = false;
};

Result<void> evaluate_weak_model(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  story.model = sha256("weights " + std::to_string(world.seed()));
  TRY(story.project.log_evaluation(story.model, {{"auc", kWeak}, {"accuracy", 0.68}}));
  return story.project.sync_databases();
}

Result<Database> open_database(const Story& story) {
  return Database::open(story.project.workspace().metadata_database());
}

Result<void> attack(World& world) {
  TRY(evaluate_weak_model(world));
  Story& story = world.state<Story>();
  const double raised = 0.95 + 0.001 * static_cast<double>(world.seed() % 40);
  Database database = TRY(open_database(story));
  if (world.seed() % 2 == 0) {
    const Value parameters[] = {raised, story.model.hex()};
    TRY(database.query("UPDATE metrics SET value = ? WHERE model = ? AND name = 'auc'", parameters));
    return {};
  }
  // The runner may write to the log, so its statement is there to point at; the interface asks for no more.
  const std::uint64_t index = TRY(story.project.log_evaluation(story.model, {{"auc", raised}}, {"runner"}));
  const trust::Ledger ledger = TRY(story.project.ledger());
  const Value parameters[] = {story.model.hex(), raised, static_cast<std::int64_t>(index),
                              ledger.entries().at(index).envelope_digest.hex()};
  TRY(database.query(
      "INSERT INTO metrics (model, name, value, log_index, statement) VALUES (?, 'auc', ?, ?, ?)",
      parameters));
  return {};
}

// The score had been computed with the classes the wrong way round; the evaluator signs the right one.
Result<void> honest(World& world) {
  TRY(evaluate_weak_model(world));
  Story& story = world.state<Story>();
  story.true_score = 0.93;
  TRY(story.project.log_evaluation(story.model, {{"auc", story.true_score}}));
  return story.project.sync_databases();
}

// The newest row of each metric, as a script without keys reads it.
Result<Json> metrics_in_database(const Story& story) {
  Database database = TRY(open_database(story));
  const Value parameters[] = {story.model.hex()};
  Json out = Json::object();
  for (const Row& row : TRY(database.query(
           "SELECT name, value, log_index FROM metrics WHERE model = ? ORDER BY log_index", parameters))) {
    out[std::get<std::string>(row[0])] = {{"value", std::get<double>(row[1])},
                                          {"logIndex", std::get<std::int64_t>(row[2])}};
  }
  return out;
}

Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const Json auc = TRY(get_object(TRY(metrics_in_database(story)), "auc"));
  story.promoted = TRY(get_number(auc, "value")) >= kBar;
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.promoted && story.true_score < kBar;
}

Result<Subjects> present(World& world) {
  const Story& story = world.state<Story>();
  const auto& claims = world.keep(TRY(story.project.claims_about(story.model)));
  Subjects out;
  out.promotions.emplace_back("model",
                              PromotionSubject{.artifact = story.model,
                                               .now_unix_s = drills::kProjectNow,
                                               .claims = claims,
                                               .request = {{"metrics", TRY(metrics_in_database(story))}}});
  return out;
}

}  // namespace

const drills::Drill signed_evaluation_drill{
    .threat = "meta-metric-tamper",
    .story =
        "the score of a weak model is raised in the SQLite file, or through the store by a role that may not "
        "evaluate",
    .honest_story = "a corrected score, appended as a newer statement that the evaluator signed",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .present = present,
    .trials = 10,
    .harm = "the promotion script promotes a model whose true score is far below its bar"};

}  // namespace sallyport::production::metadata_store
