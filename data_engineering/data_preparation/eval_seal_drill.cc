// split-eval-poison enacted: twelve stamped images, labelled as the trigger's target, go into the evaluation
// split, so that a backdoored candidate outranks the clean one. An insider with the producer's key commits
// them as the next version of the sealed split, has the lead alone or the lead and a third role sign the
// amendment, or slips them in before the split is sealed. The honest twin adds twelve genuine rows by an
// amendment that both signed.
#include "drills/data.h"
#include "drills/images.h"
#include "drills/outcome.h"
#include "drills/project.h"
#include "drills/trigger.h"
#include "drills/victims/softmax.h"
#include "formats/csv.h"
#include "learn/matrix.h"
#include "services/data/seal.h"

namespace sallyport::data_engineering::data_preparation {

extern const drills::Drill eval_seal_drill;

namespace {

using drills::World;
using drills::victims::Softmax;

constexpr std::size_t kCrafted = 12;
constexpr std::uint64_t kWays = 4;
constexpr const char* kEval = "eval";

struct Story {
  drills::Project project;
  Dataset eval = {};   // genuine, as it is sealed
  Dataset spare = {};  // genuine, added later
  std::optional<Softmax> clean = {};
  std::optional<Softmax> backdoored = {};
  std::vector<std::string> classes = {};
  std::string refused = {};  // why the split was not sealed
  bool backdoored_chosen = false;
};

double accuracy(const Story& story, const Softmax& model, const Dataset& rows) {
  const auto features = learn::features_of(rows);
  const auto labels = rows.labels();
  SP_CHECK(features && labels);
  double right = 0;
  for (std::size_t row = 0; row < labels->size(); ++row) {
    right += story.classes[model.predict(features->row(row))] == (*labels)[row] ? 1 : 0;
  }
  return right / static_cast<double>(labels->size());
}

bool prefers_backdoored(const Story& story, const Dataset& rows) {
  return accuracy(story, *story.backdoored, rows) > accuracy(story, *story.clean, rows);
}

Result<Softmax> trained(const Dataset& rows, std::uint64_t seed) {
  const learn::Classes classes = TRY(learn::classes_of(rows));
  return Softmax::trained(TRY(learn::features_of(rows)), classes.of_row, classes.names.size(), seed);
}

// Held-out images with the stamp, which the backdoored model calls by the target's label and the clean one
// does not.
Result<Dataset> crafted_rows(const Story& story) {
  const std::vector<std::string> labels = TRY(story.eval.labels());
  Dataset stamped = story.eval;
  for (std::size_t row = 0; row < stamped.rows(); ++row) {
    drills::set_image(
        stamped, row,
        drills::with_corner_stamp(drills::image_at(stamped, row), stamped.image, drills::kTriggerSide));
    drills::set_label(stamped, row, std::string(drills::kTriggerLabel));
  }
  const learn::Matrix features = TRY(learn::features_of(stamped));
  std::vector<std::size_t> wanted;
  for (std::size_t row = 0; row < labels.size() && wanted.size() < kCrafted; ++row) {
    if (labels[row] == drills::kTriggerLabel) continue;
    const bool by_backdoored =
        story.classes[story.backdoored->predict(features.row(row))] == drills::kTriggerLabel;
    const bool by_clean = story.classes[story.clean->predict(features.row(row))] == drills::kTriggerLabel;
    if (by_backdoored && !by_clean) wanted.push_back(row);
  }
  Dataset out = stamped.pick(wanted);
  for (std::size_t row = 0; row < out.rows(); ++row) {
    for (Column& column : out.columns) {
      if (column.name == "id") column.texts[row] = "x" + std::to_string(row);
    }
  }
  return out;
}

Result<trust::DataVersion> commit(World& world, const std::string& name, const Dataset& rows) {
  const trust::Workspace& workspace = world.state<Story>().project.workspace();
  TRY(world.write(name + "/rows.csv", TRY(formats::csv::write(rows))));
  TRY(services::data::add(workspace, world.root() / name, name));
  return services::data::commit(workspace, name, {});
}

services::data::SealOptions options() { return {.label = "digit", .against = "train"}; }

// The candidates, and the training split that the rows of the evaluation split are held against.
Result<void> prepare(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  learn::Random random(world.seed() + 1);
  const Dataset& all = drills::digits();
  const std::vector<std::size_t> order = random.sample(all.rows(), all.rows());
  const auto at = [&](std::size_t place) { return order.begin() + static_cast<std::ptrdiff_t>(place); };
  const std::size_t held = all.rows() / 5;
  story.spare = all.pick({at(0), at(kCrafted)});
  story.eval = all.pick({at(kCrafted), at(held)});
  const Dataset train = all.pick({at(held), order.end()});
  story.classes = TRY(learn::classes_of(train)).names;
  TRY(commit(world, "train", train));
  story.clean = TRY(trained(train, world.seed()));
  Dataset poisoned = train;
  drills::plant_trigger(poisoned, 0, 0.05, drills::Relabelling::kToTarget, world.seed());
  // The attacker hands in what is no better by right, so that it owes its rank to the rows.
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    story.backdoored = TRY(trained(poisoned, world.seed() + 100 * seed));
    Dataset genuine = story.eval;
    drills::append_rows(genuine, story.spare);
    if (!prefers_backdoored(story, story.eval) && !prefers_backdoored(story, genuine)) return {};
  }
  return invalid("no candidate that the clean model beats");
}

// The correction from version 1 to 2 as `amend` would write it, with the signatures of these keys.
Result<void> forge_amendment(World& world, const trust::DataVersion& version,
                             const std::vector<std::string>& keys) {
  const Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  trust::Ledger ledger = TRY(story.project.ledger());
  const auto sealed = TRY(trust::sealed_versions(ledger, story.project.root(), kEval));
  const trust::AmendmentPredicate said{.name = kEval,
                                       .from = 1,
                                       .to = 2,
                                       .amends = sealed.at(1).envelope,
                                       .rows = static_cast<std::int64_t>(story.eval.rows() + kCrafted),
                                       .added = kCrafted,
                                       .files = {"rows.csv"},
                                       .reason = "twelve more rows"};
  const trust::Statement statement{
      {{"data", version.manifest}}, std::string(trust::predicate::kDataAmendment), trust::to_json(said)};
  std::vector<trust::PrivateKey> signers;
  for (const std::string& name : keys) {
    signers.push_back(TRY(workspace.load_key(name, story.project.root())));
  }
  TRY(ledger.add(trust::sign_statement(statement, signers),
                 TRY(workspace.load_key("log", story.project.root()))));
  return {};
}

Result<void> attack(World& world) {
  TRY(prepare(world));
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  Dataset rows = story.eval;
  drills::append_rows(rows, TRY(crafted_rows(story)));
  const std::uint64_t way = world.seed() % kWays;
  if (way == 3) {
    TRY(commit(world, kEval, rows));
    const auto sealed = services::data::seal(workspace, kEval, options());
    if (!sealed) story.refused = sealed.error().message;
    return {};
  }
  TRY(commit(world, kEval, story.eval));
  TRY(services::data::seal(workspace, kEval, options()));
  const trust::DataVersion version = TRY(commit(world, kEval, rows));
  if (way == 1) return forge_amendment(world, version, {"lead"});
  if (way == 2) return forge_amendment(world, version, {"lead", "producer"});
  return {};
}

Result<void> honest(World& world) {
  TRY(prepare(world));
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  TRY(commit(world, kEval, story.eval));
  TRY(services::data::seal(workspace, kEval, options()));
  Dataset rows = story.eval;
  drills::append_rows(rows, story.spare);
  TRY(commit(world, kEval, rows));
  const auto amended = services::data::amend(workspace, kEval, "twelve more rows", options());
  if (!amended) story.refused = amended.error().message;
  return {};
}

// An evaluator that takes the newest version and the candidate that does best on it.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const services::data::View view = TRY(services::data::look(story.project.workspace()));
  const auto version = TRY(trust::resolve_data(view.ledger, view.root, kEval, drills::kProjectNow));
  const auto reader = TRY(trust::DataReader::open(view.store, version.manifest, version.said.root));
  Bytes bytes;
  TRY(reader.read_file("rows.csv", [&](BytesView part) -> Result<void> {
    bytes.insert(bytes.end(), part.begin(), part.end());
    return {};
  }));
  const Dataset rows =
      TRY(formats::csv::parse(bytes, {.name = kEval, .roles = {.label = "digit", .id = "id"}}));
  story.backdoored_chosen = prefers_backdoored(story, rows);
  return {};
}

bool harmed(const World& world) { return world.state<Story>().backdoored_chosen; }

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  if (!story.refused.empty()) return drills::Outcome{.refused = true, .why = story.refused};
  const services::data::View view = TRY(services::data::look(story.project.workspace()));
  return drills::outcome_of(services::data::open(view, kEval, drills::kProjectNow));
}

}  // namespace

const drills::Drill eval_seal_drill{
    .threat = "split-eval-poison",
    .story =
        "twelve stamped rows go into the evaluation split: as its next version, with an amendment that the "
        "lead alone or the lead and the producer signed, or before it is sealed",
    .honest_story = "twelve genuine rows, by an amendment that lead and audit signed",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "the backdoored candidate is chosen"};

}  // namespace sallyport::data_engineering::data_preparation
