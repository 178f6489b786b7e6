// versions-lineage-forgery enacted: a poisoned set is given out as the next release of a vetted one. Somebody
// who may write to the log puts the release's own attestation over other bytes, or signs with a key that
// nobody enrolled; an insider with the producer's key cuts the parent, or what it was made from. The honest
// twin is a rebuild from the same inputs, signed by the producer's new key after a rotation.
#include "drills/outcome.h"
#include "drills/project.h"
#include "services/data/data.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill lineage_drill;

namespace {

using drills::World;
using trust::DataVersionPredicate;

constexpr const char* kGold = "gold";

struct Story {
  drills::Project project;
  Digest vetted = {};  // what the next release is by right
  Digest taken = {};   // what the client went away with
};

Result<services::data::AddReport> add(World& world, const std::string& name, std::string_view rows) {
  TRY(world.write(name + "/rows.csv", rows));
  return services::data::add(world.state<Story>().project.workspace(), world.root() / name, name);
}

Result<trust::DataVersion> gold_release(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  TRY(add(world, "raw", "x,label\n1,0\n2,1\n"));
  TRY(services::data::commit(story.project.workspace(), "raw", {}));
  TRY(add(world, kGold, "x,label\n1,0\n2,1\n"));
  services::data::CommitOptions options;
  options.inputs = {"raw@1"};
  options.step = "python3 clean.py";
  const auto out = TRY(services::data::commit(story.project.workspace(), kGold, options));
  story.vetted = out.manifest;
  return out;
}

// Anyone's envelope into the log: the log takes what it is given.
Result<void> log(const Story& story, const trust::Envelope& envelope) {
  trust::Ledger ledger = TRY(story.project.ledger());
  TRY(ledger.add(envelope, TRY(story.project.workspace().load_key("log", story.project.root()))));
  return {};
}

constexpr std::uint64_t kWays = 5;

Result<void> attack(World& world) {
  const trust::DataVersion gold = TRY(gold_release(world));
  const Story& story = world.state<Story>();
  const auto poison = TRY(add(world, "poison", "x,label\n1,0\n2,0\n"));
  const std::uint64_t way = world.seed() % kWays;
  DataVersionPredicate said = gold.said;
  said.version = 2;
  said.parent = gold.envelope;
  said.root = poison.root;
  if (way == 2) said.parent.reset();
  if (way == 3) said.inputs = {{"raw@1", sha256("rows that nobody vouches for")}};
  if (way == 4) said.inputs.clear();
  const trust::Statement statement{
      {{"data", poison.manifest}}, std::string(trust::predicate::kDataVersion), trust::to_json(said)};
  const trust::PrivateKey stranger = TRY(trust::PrivateKey::generate(*story.project.workspace().env));
  const trust::PrivateKey producer =
      TRY(story.project.workspace().load_key("producer", story.project.root()));
  if (way > 1) return log(story, trust::sign_statement(statement, {&producer, 1}));
  trust::Envelope envelope = trust::sign_statement(statement, {&stranger, 1});
  if (way == 0) {
    const trust::Ledger ledger = TRY(story.project.ledger());
    envelope.signatures = ledger.find_envelope(gold.envelope)->envelope.signatures;
  }
  return log(story, envelope);
}

// A new root that enrols another producer's key, signed by the root key of the old one.
Result<void> rotate_producer(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  const trust::PrivateKey fresh = TRY(trust::PrivateKey::generate(*workspace.env));
  trust::RootContent content = story.project.root().content();
  const std::string old = *content.roles.at("producer").keyids.begin();
  ++content.version;
  // The old key keeps its role, so that what it signed before the rotation still counts.
  content.keys.at(old).name = "producer-before";
  content.keys.emplace(fresh.keyid(), trust::RootKey{"producer", fresh.public_key()});
  content.roles.at("producer").keyids.insert(fresh.keyid());
  const trust::PrivateKey root_key = TRY(workspace.load_key("root", story.project.root()));
  const std::string file = TRY(trust::sign_root(content, {&root_key, 1}));
  TRY(story.project.root().advance(as_bytes(file)));
  TRY(write_durably(*workspace.env, workspace.root_file(), as_bytes(file)));
  return write_durably(*workspace.env, workspace.keys() / "producer.key", as_bytes(fresh.pem()), 0600);
}

Result<void> honest(World& world) {
  TRY(gold_release(world));
  Story& story = world.state<Story>();
  TRY(rotate_producer(story));
  TRY(add(world, kGold, "x,label\n1,0\n2,1\n3,1\n"));
  services::data::CommitOptions options;
  options.inputs = {"raw@1"};
  options.step = "python3 clean.py";
  story.vetted = TRY(services::data::commit(story.project.workspace(), kGold, options)).manifest;
  return {};
}

// A client that reads what the log says of the second release, and asks nobody who signed it.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Root root = TRY(story.project.workspace().load_root());
  const trust::Ledger ledger = TRY(story.project.workspace().open_ledger(root));
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kDataVersion)) {
    const auto said = TRY(trust::parse_data_version(entry->statement.predicate));
    if (said.name == kGold && said.version == 2) story.taken = entry->statement.subjects.front().digest;
  }
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.taken != story.vetted;
}

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  const services::data::View view = TRY(services::data::look(story.project.workspace()));
  const auto opened = services::data::open(view, std::string(kGold) + "@2", drills::kProjectNow);
  if (!opened) return drills::outcome_of(opened);
  TRY(opened->reader.verify());
  return drills::Outcome{.refused = opened->version.manifest != story.vetted, .why = "other data"};
}

}  // namespace

const drills::Drill lineage_drill{
    .threat = "versions-lineage-forgery",
    .story =
        "a poisoned set is logged as the next release of a vetted one: under the signature of that one, by a "
        "key that nobody enrolled, or by an insider who cuts the parent or the inputs",
    .honest_story = "a rebuild from the same inputs, signed by the producer's new key after a rotation",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "the client trains on the poisoned set"};

}  // namespace sallyport::experiment::versioned_data
