// meta-provenance-spoof enacted: a trojan is registered with an origin that it never had. Its provenance
// names the data set and the commit of an honest run, signed by somebody who builds nothing; it is the honest
// run's own attestation with the model's digest exchanged; it names a data set that nobody has; or it passes
// the honest run's code off as its data. The honest twin is a second run, which makes another model and
// attests it.
#include "drills/project.h"
#include "trust/chain.h"
#include "trust/statement.h"

namespace sallyport::production::metadata_store {

extern const drills::Drill provenance_binding_drill;

namespace {

using drills::World;
using trust::NamedDigest;

constexpr std::uint64_t kWays = 4;
constexpr const char* kModel = "digits";

struct Story {
  drills::Project project;
  Digest dataset = {};
  Digest code = {};
  std::int64_t version = 0;  // that the client wants
  Digest honest = {};        // what an honest run has made for it; empty for a trojan
  bool deployed = false;
};

Result<Digest> put(const Story& story, const std::string& text) {
  return story.project.workspace().store().put(as_bytes(text));
}

// The policy of a project whose model stands on its data, its code and its training.
Policy policy_of_drill() {
  Policy out;
  out.chain_require = {Stage::kVersionedData, Stage::kCodeRepository, Stage::kTraining};
  return out;
}

trust::Statement gate(Stage stage, const NamedDigest& made, std::vector<NamedDigest> inputs) {
  trust::GatePredicate said;
  said.stage = stage;
  said.pipeline_name = kModel;
  said.inputs = std::move(inputs);
  said.verdict = "pass";
  said.policy_digest = policy_of_drill().digest;
  said.started_on = said.finished_on = drills::kProjectNow;
  return {{made}, std::string(trust::predicate::kGate), trust::to_json(said)};
}

Result<Digest> train(Story& story, const std::string& weights) {
  const Digest model = TRY(put(story, weights));
  TRY(story.project.log(
      gate(Stage::kTraining, {"model", model}, {{"dataset", story.dataset}, {"code", story.code}}),
      {"runner"}));
  return model;
}

// Data and code, each with its gate, and the model of an honest run.
Result<Digest> furnish(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  story.dataset = TRY(put(story, "the rows of the released data set"));
  story.code = TRY(put(story, "the tree of the reviewed commit"));
  TRY(story.project.log(gate(Stage::kVersionedData, {"dataset", story.dataset}, {}), {"runner"}));
  TRY(story.project.log(gate(Stage::kCodeRepository, {"code", story.code}, {}), {"runner"}));
  const Digest model = TRY(train(story, "weights of the first run"));
  story.version = TRY(story.project.log_version(kModel, model));
  return model;
}

Result<void> honest(World& world) {
  TRY(furnish(world));
  Story& story = world.state<Story>();
  story.honest = TRY(train(story, "weights of the second run"));
  story.version = TRY(story.project.log_version(kModel, story.honest));
  return story.project.advance_pin();
}

// The honest gate with another subject; its signatures stay what they were.
Result<void> replay(const Story& story, const Digest& from, const Digest& to) {
  trust::Ledger ledger = TRY(story.project.ledger());
  trust::Envelope envelope = ledger.find_subject(from).front()->envelope;
  trust::Statement statement = TRY(trust::statement_of(envelope));
  statement.subjects.front().digest = to;
  envelope.payload = to_bytes(trust::serialize(statement));
  TRY(ledger.add(envelope, TRY(story.project.workspace().load_key("log", story.project.root()))));
  return {};
}

// The intruder may register and log, and in the last two ways had a step of its own run.
Result<void> attack(World& world) {
  const Digest model = TRY(furnish(world));
  Story& story = world.state<Story>();
  const Digest trojan = TRY(put(story, "weights with a trigger " + std::to_string(world.seed())));
  const std::uint64_t way = world.seed() % kWays;
  const NamedDigest made{"model", trojan};
  if (way == 0) {
    const NamedDigest inputs[] = {{"dataset", story.dataset}, {"code", story.code}};
    TRY(story.project.log(gate(Stage::kTraining, made, {std::begin(inputs), std::end(inputs)}),
                          {"producer"}));
  } else if (way == 1) {
    TRY(replay(story, model, trojan));
  } else if (way == 2) {
    const NamedDigest dangling{"dataset", sha256("rows that nobody has")};
    TRY(story.project.log(gate(Stage::kTraining, made, {dangling, {"code", story.code}}), {"runner"}));
  } else {
    TRY(story.project.log(gate(Stage::kTraining, made, {{"dataset", story.code}, {"code", story.code}}),
                          {"runner"}));
  }
  story.version = TRY(story.project.log_version(kModel, trojan));
  return story.project.advance_pin();
}

// A client that reads the newest provenance that names these bytes, and is content when it says a commit.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Ledger ledger = TRY(story.project.ledger());
  const auto versions = TRY(trust::model_versions(ledger, story.project.root(), kModel));
  for (const trust::LedgerEntry* entry : ledger.find_subject(versions.at(story.version).artifact)) {
    const auto said = trust::parse_gate(entry->statement.predicate);
    for (const NamedDigest& input : said ? said->inputs : std::vector<NamedDigest>())
      story.deployed = story.deployed || input.digest == story.code;
  }
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.deployed && story.honest == Digest{};
}

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  const std::string named = std::string(kModel) + "@" + std::to_string(story.version);
  const trust::ChainReport report =
      trust::verify_named(story.project.workspace(), named, policy_of_drill(), drills::kProjectNow);
  if (report.verdict == trust::ChainVerdict::kError) return fail(ErrorKind::kIo, report.reason);
  return drills::Outcome{.refused = !report.verified(), .why = report.reason};
}

}  // namespace

const drills::Drill provenance_binding_drill{
    .threat = "meta-provenance-spoof",
    .story =
        "a trojan is registered with the commit of an honest run: under a stranger's signature, with a "
        "replayed "
        "attestation, with a data set that does not exist, or with inputs of other names",
    .honest_story = "a second honest run, with a model and an attestation of its own",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "a trojan is deployed for its good origin"};

}  // namespace sallyport::production::metadata_store
