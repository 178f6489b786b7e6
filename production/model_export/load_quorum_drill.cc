// export-unsigned-silent-swap enacted: an insider who may write the store, the log and the registrar's
// statements swaps the model and makes its checksum again, has the move signed by a role that may not
// approve, by one approver alone, or by two of whom one's key was revoked. The honest twin is a rotation
// after which a quorum signs for the same bytes again.
#include "drills/outcome.h"
#include "drills/project.h"
#include "trust/chain.h"
#include "trust/statement.h"

namespace sallyport::production::model_export {

extern const drills::Drill load_quorum_drill;

namespace {

using drills::World;

constexpr const char* kModel = "digits";
constexpr const char* kAlias = "champion";
constexpr std::int64_t kValidS = 90LL * 24 * 3600;
constexpr std::uint64_t kWays = 4;

struct Story {
  drills::Project project;
  Digest released = {};
  std::int64_t sequence = 0;
  std::string checksum = {};  // as it stands beside the model
  Digest loaded = {};
};

// The move of the alias, signed with these keys as they stand; whoever signs need not be in today's root.
Result<void> move(World& world, const Digest& to, std::int64_t version,
                  const std::vector<trust::PrivateKey>& keys) {
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  const trust::AliasPredicate said{.model = kModel,
                                   .alias = kAlias,
                                   .version = version,
                                   .sequence = ++story.sequence,
                                   .expires_unix_s = drills::kProjectNow + kValidS};
  const trust::Statement statement{
      {{kModel, to}}, std::string(trust::predicate::kAlias), trust::to_json(said)};
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  TRY(ledger.add(trust::sign_statement(statement, keys), TRY(workspace.load_key("log", root))));
  return {};
}

Result<std::vector<trust::PrivateKey>> keys_of(const Story& story, const std::vector<std::string>& names) {
  const trust::Workspace& workspace = story.project.workspace();
  const trust::Root root = TRY(workspace.load_root());
  std::vector<trust::PrivateKey> out;
  for (const std::string& name : names) out.push_back(TRY(workspace.load_key(name, root)));
  return out;
}

Result<void> release(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  trust::Store store = story.project.workspace().store();
  story.released = TRY(store.put(as_bytes("the model that was evaluated")));
  story.checksum = story.released.hex();
  TRY(story.project.log_version(kModel, story.released));
  TRY(move(world, story.released, 1, TRY(keys_of(story, {"lead", "audit"}))));
  return story.project.advance_pin();
}

// A root in which another key is the auditor's and the old one is nobody's; the old one.
Result<trust::PrivateKey> rotate_audit(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  trust::PrivateKey old = TRY(workspace.load_key("audit", story.project.root()));
  const trust::PrivateKey fresh = TRY(trust::PrivateKey::generate(*workspace.env));
  trust::RootContent content = story.project.root().content();
  ++content.version;
  content.keys.erase(old.keyid());
  content.keys.emplace(fresh.keyid(), trust::RootKey{"audit", fresh.public_key()});
  for (const char* role : {"audit", "approver"}) {
    content.roles.at(role).keyids.erase(old.keyid());
    content.roles.at(role).keyids.insert(fresh.keyid());
  }
  const trust::PrivateKey root_key = TRY(workspace.load_key("root", story.project.root()));
  const std::string file = TRY(trust::sign_root(content, {&root_key, 1}));
  TRY(story.project.root().advance(as_bytes(file)));
  TRY(write_durably(*workspace.env, workspace.root_file(), as_bytes(file)));
  TRY(write_durably(*workspace.env, workspace.keys() / "audit.key", as_bytes(fresh.pem()), 0600));
  return old;
}

Result<void> attack(World& world) {
  TRY(release(world));
  Story& story = world.state<Story>();
  trust::Store store = story.project.workspace().store();
  const std::uint64_t way = world.seed() % kWays;
  if (way == 0) {
    const std::string trojan = "the model that nobody evaluated";
    const fs::path object = store.path_of(story.released);
    TRY(drills::in_file_system([&] { fs::remove(object); }));
    story.checksum = sha256(trojan).hex();
    return system_env().write_new(object, as_bytes(trojan), 0444);
  }
  const Digest trojan = TRY(store.put(as_bytes("the model that nobody evaluated")));
  story.checksum = trojan.hex();
  TRY(story.project.log_version(kModel, trojan));
  if (way == 1) return move(world, trojan, 2, TRY(keys_of(story, {"producer", "evaluator"})));
  if (way == 2) return move(world, trojan, 2, TRY(keys_of(story, {"lead"})));
  const std::vector<trust::PrivateKey> lead = TRY(keys_of(story, {"lead"}));
  const trust::PrivateKey revoked = TRY(rotate_audit(story));
  return move(world, trojan, 2, {lead.front(), revoked});
}

Result<void> honest(World& world) {
  TRY(release(world));
  Story& story = world.state<Story>();
  TRY(rotate_audit(story));
  TRY(move(world, story.released, 1, TRY(keys_of(story, {"lead", "audit"}))));
  return story.project.advance_pin();
}

// A loader that goes by the newest statement and the checksum beside the file.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  const trust::Ledger ledger = TRY(workspace.open_ledger(TRY(workspace.load_root())));
  const Digest named = ledger.find_type(trust::predicate::kAlias).back()->statement.subjects.front().digest;
  const Bytes bytes = TRY(system_env().read_file(workspace.store().path_of(named)));
  if (sha256(bytes).hex() == story.checksum) story.loaded = sha256(bytes);
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return story.loaded != story.released;
}

Result<void> load(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  const auto named = TRY(
      trust::resolve_artifact(workspace, std::string(kModel) + "@" + kAlias, Policy{}, drills::kProjectNow));
  TRY(workspace.store().get(named.digest));
  return {};
}

Result<drills::Outcome> defend(World& world) { return drills::outcome_of(load(world.state<Story>())); }

}  // namespace

const drills::Drill load_quorum_drill{
    .threat = "export-unsigned-silent-swap",
    .story =
        "an insider swaps the model and its checksum, or has the move signed by the wrong roles, by one "
        "approver, or with a revoked key",
    .honest_story =
        "a rotation of the auditor's key, after which two approvers sign for the same bytes again",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "a model that nobody evaluated is loaded, and nothing looks different"};

}  // namespace sallyport::production::model_export
