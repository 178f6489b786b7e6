// versions-store-overwrite enacted on a client that comes for the first time, so that it has no pin: whoever
// holds the log's key and all files of the catalogue shows it a log of its own, in which the tag was moved to
// poisoned rows: from the start, or from the last release that the witnesses saw. Only what witnesses saw
// tells it from the log that everybody else sees. The honest twin is the catalogue as it is.
#include "drills/data.h"
#include "drills/outcome.h"
#include "drills/project.h"
#include "trust/chain.h"
#include "trust/witness.h"
#include "trust/witnessed.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill witness_quorum_drill;

namespace {

using drills::World;

constexpr std::uint64_t kWays = 2;
constexpr const char* kData = "digits-data";
constexpr const char* kTag = "latest";
constexpr std::size_t kWitnesses = 3;

struct Story {
  drills::Project project;
  std::vector<trust::Witness*> witnesses = {};
  Digest released = {};
  Digest served = {};
};

Result<void> enlist(World& world) {
  Story& story = world.state<Story>();
  const trust::Root& root = story.project.root();
  trust::WitnessOptions options;
  for (const trust::PublicKey& key : root.keys_of(trust::role::kLog))
    options.logs.push_back({.name = root.log_origin(), .key = key});
  std::string policy;
  std::string members;
  Env& env = *story.project.workspace().env;
  for (std::size_t i = 0; i < kWitnesses; ++i) {
    const std::string name = "w" + std::to_string(i);
    options.name = "witness.example/" + name;
    auto witness =
        TRY(trust::Witness::open(env, world.root() / name, options, TRY(trust::PrivateKey::generate(env))));
    story.witnesses.push_back(world.keep(std::move(witness)).get());
    policy += "witness " + name + " " + story.witnesses.back()->verifier_key() + "\n";
    members += " " + name;
  }
  policy += "group two 2" + members + "\nquorum two\n";
  return write_durably(env, trust::witness_policy_file(story.project.workspace()), as_bytes(policy));
}

// Every witness is asked; what they cosigned is kept beside the log, as `sallyport log cosign` does.
Result<void> cosign(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  trust::Ledger ledger = TRY(story.project.ledger());
  trust::Note note = TRY(trust::parse_note(ledger.log().signed_checkpoint()));
  for (trust::Witness* witness : story.witnesses) {
    trust::AddCheckpoint request;
    request.old_size = witness->size_of(story.project.root().log_origin());
    if (request.old_size > ledger.log().size()) continue;
    request.proof = TRY(ledger.log().prove_consistency(request.old_size));
    request.checkpoint = serialize(note);
    const trust::WitnessAnswer answer = witness->add_checkpoint(serialize(request));
    if (answer.status != 200) continue;
    for (trust::NoteSignature& line : TRY(trust::parse_signatures(answer.body)))
      note.signatures.push_back(std::move(line));
  }
  return trust::keep_cosigned(*workspace.env, workspace.log_directory(), ledger.log_keys(), note);
}

Result<void> release(Story& story, std::int64_t version, const std::string& rows) {
  trust::Store store = story.project.workspace().store();
  story.released = TRY(store.put(as_bytes(rows)));
  TRY(story.project.log_version(kData, story.released));
  TRY(story.project.log_alias(kData, kTag, version, story.released, {"lead", "audit"}));
  return {};
}

Result<void> copy_log(const fs::path& from, const fs::path& to) {
  return drills::in_file_system([&] {
    fs::create_directories(to);
    for (const char* name : {"log", "attestations"}) {
      fs::remove_all(to / name);
      fs::copy(from / name, to / name, fs::copy_options::recursive);
    }
  });
}

Result<void> honest(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  TRY(enlist(world));
  TRY(release(story, 1, "the first release"));
  TRY(cosign(story));
  TRY(release(story, 2, "the second release"));
  return cosign(story);
}

Result<void> attack(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  TRY(enlist(world));
  const fs::path& root = story.project.workspace().root;
  const fs::path before = world.root() / "before";
  TRY(release(story, 1, "the first release"));
  TRY(copy_log(root, before));  // not cosigned yet
  TRY(cosign(story));
  const fs::path cosigned = world.root() / "cosigned";
  TRY(copy_log(root, cosigned));
  TRY(release(story, 2, "the second release"));
  TRY(cosign(story));
  const Digest released = story.released;
  const std::uint64_t way = world.seed() % kWays;
  TRY(copy_log(way == 0 ? cosigned : before, root));
  // From there on the log goes another way; the witnesses are asked for that too.
  TRY(release(story, 2, "poisoned rows " + std::to_string(world.seed())));
  TRY(cosign(story));
  story.released = released;
  return {};
}

// A first-time client that checks every signature, the log and its checkpoint, and asks no witness: without a
// pin, a log is as good as another.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Ledger ledger = TRY(story.project.ledger());
  story.served =
      TRY(trust::resolve_alias(ledger, story.project.root(), Policy{}, kData, kTag, drills::kProjectNow))
          .artifact;
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.served != story.released;
}

Result<drills::Outcome> defend(World& world) {
  const Story& story = world.state<Story>();
  return drills::outcome_of(trust::resolve_artifact(
      story.project.workspace(), std::string(kData) + "@" + kTag, Policy{}, drills::kProjectNow));
}

}  // namespace

const drills::Drill witness_quorum_drill{
    .threat = "versions-store-overwrite",
    .story =
        "whoever holds the log's key shows a client that comes for the first time another log of the data "
        "catalogue",
    .honest_story = "the same client is shown the log that the witnesses saw",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 3 * kWays,
    .harm = "the client goes away with other rows than were released"};

}  // namespace sallyport::experiment::versioned_data
