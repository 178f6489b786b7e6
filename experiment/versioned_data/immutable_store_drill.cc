// versions-store-overwrite enacted on a data catalogue of ours: an intruder who may write all of its files,
// but has nobody's key, overwrites an object, points the tag elsewhere in the database and in the statement
// behind it, or puts the whole catalogue back to where it stood before the last release.
#include "drills/data.h"
#include "drills/outcome.h"
#include "drills/project.h"
#include "services/registry/registry.h"
#include "services/sqlite/sqlite.h"
#include "trust/chain.h"
#include "trust/statement.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill immutable_store_drill;

namespace {

using drills::World;
using services::sqlite::Database;
using services::sqlite::Row;
using services::sqlite::Value;

constexpr const char* kData = "digits-data";
constexpr const char* kTag = "latest";

struct Story {
  drills::Project project;
  Digest released = {};  // what the tag names by right
  Bytes served = {};     // what the client went away with
};

// The digits without every `modulus`-th row: each release has rows of its own.
std::string release_text(std::size_t modulus) {
  const std::string_view all = drills::digits_csv();
  std::string out;
  std::size_t line = 0;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size() - 1) + 1;
    if (line == 0 || line % modulus != 0) out += all.substr(at, end - at);
    at = end;
    ++line;
  }
  return out;
}

// The same with a pixel of one row turned up: as little as can be done.
std::string tainted(std::string text, std::uint64_t seed) {
  std::size_t at = text.size() / 2 + static_cast<std::size_t>(seed % 1000);
  while (text[at] < '0' || text[at] > '8') ++at;
  ++text[at];
  return text;
}

Result<void> release(World& world, std::int64_t version, const std::string& text) {
  Story& story = world.state<Story>();
  trust::Store store = story.project.workspace().store();
  story.released = TRY(store.put(as_bytes(text)));
  TRY(story.project.log_version(kData, story.released));
  TRY(story.project.log_alias(kData, kTag, version, story.released, {"lead", "audit"}));
  return story.project.sync_databases();
}

// Each use of the catalogue moves the client's pin forward; the pin is the client's own.
// What the intruder keeps of the catalogue, and later puts back: everything but the client's pin and the
// keys.
Result<void> copy_catalogue(const fs::path& from, const fs::path& to) {
  return drills::in_file_system([&] {
    fs::create_directories(to);
    for (const char* name : {"log", "attestations"}) {
      fs::remove_all(to / name);
      fs::copy(from / name, to / name, fs::copy_options::recursive);
    }
    for (const char* name : {"registry.db", "registry.db-wal", "registry.db-shm"}) {
      fs::remove(to / name);
      if (fs::exists(from / name)) fs::copy_file(from / name, to / name);
    }
  });
}

// Bytes over a file that is read-only, as root may.
Result<void> overwrite(const fs::path& path, BytesView bytes) {
  TRY(drills::in_file_system([&] { fs::remove(path); }));
  return system_env().write_new(path, bytes, 0444);
}

Result<void> repoint_row(const Story& story, const Digest& to) {
  Database database = TRY(Database::open(story.project.workspace().registry_database()));
  const Value parameters[] = {to.hex(), std::string(kData), std::string(kTag)};
  TRY(database.query("UPDATE aliases SET artifact = ? WHERE model = ? AND alias = ?", parameters));
  return {};
}

// The statement that moved the tag, made to say the same as the row; its signatures stay as they were.
Result<void> repoint_statement(const Story& story, const Digest& to) {
  const trust::Ledger ledger = TRY(story.project.ledger());
  const trust::LedgerEntry& entry = *ledger.find_type(trust::predicate::kAlias).back();
  trust::Statement statement = entry.statement;
  statement.subjects.front().digest = to;
  trust::Envelope envelope = entry.envelope;
  envelope.payload = to_bytes(trust::serialize(statement));
  const fs::path file = story.project.workspace().attestations() / (entry.envelope_digest.hex() + ".json");
  return overwrite(file, as_bytes(trust::serialize(envelope)));
}

constexpr std::uint64_t kWays = 4;

Result<void> attack(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  const trust::Workspace& workspace = story.project.workspace();
  const fs::path backup = world.root() / "backup";
  TRY(release(world, 1, release_text(5)));
  TRY(copy_catalogue(workspace.root, backup));
  TRY(release(world, 2, release_text(7)));
  TRY(story.project.advance_pin());

  const std::uint64_t way = world.seed() % kWays;
  const std::string poison = tainted(release_text(7), world.seed());
  if (way == 0) return overwrite(workspace.store().path_of(story.released), as_bytes(poison));
  if (way == 3) return copy_catalogue(backup, workspace.root);
  trust::Store store = workspace.store();
  const Digest planted = TRY(store.put(as_bytes(poison)));
  TRY(repoint_row(story, planted));
  return way == 1 ? Result<void>() : repoint_statement(story, planted);
}

// Two releases and a third, and then the objects that no statement names are collected.
Result<void> honest(World& world) {
  Story& story = world.state<Story>();
  story.project = TRY(drills::Project::create(world));
  TRY(release(world, 1, release_text(5)));
  TRY(story.project.advance_pin());
  trust::Store store = story.project.workspace().store();
  TRY(store.put(as_bytes("scratch of a run that was abandoned")));
  TRY(store.put(as_bytes(release_text(11))));
  TRY(release(world, 2, release_text(7)));
  TRY(story.project.advance_pin());
  TRY(release(world, 3, release_text(9)));
  const trust::Ledger ledger = TRY(story.project.ledger());
  for (const Digest& object : TRY(store.list())) {
    if (!ledger.find_subject(object).empty()) continue;
    TRY(drills::in_file_system([&] { fs::remove(store.path_of(object)); }));
  }
  return {};
}

// A client that takes the database at its word, and the object's file as it stands.
Result<void> victim(World& world) {
  Story& story = world.state<Story>();
  const trust::Workspace& workspace = story.project.workspace();
  Database database = TRY(Database::open(workspace.registry_database()));
  const Value parameters[] = {std::string(kData), std::string(kTag)};
  const std::vector<Row> rows = TRY(database.query(
      "SELECT artifact FROM aliases WHERE model = ? AND alias = ? ORDER BY sequence DESC LIMIT 1",
      parameters));
  if (rows.empty()) return fail(ErrorKind::kNotFound, "catalogue: no row names the tag");
  const Digest named = TRY(Digest::parse(std::get<std::string>(rows[0][0])));
  story.served = TRY(system_env().read_file(workspace.store().path_of(named)));
  return {};
}

bool harmed(const World& world) {
  const Story& story = world.state<Story>();
  return sha256(story.served) != story.released;
}

// What a client of ours does: the tag from signed statements in a log that extends the one it saw, the object
// by its digest, and the readable copy held against the log.
Result<void> fetch(const Story& story) {
  const trust::Workspace& workspace = story.project.workspace();
  const auto named =
      TRY(trust::resolve_artifact(workspace, std::string(kData) + "@" + kTag, Policy{}, drills::kProjectNow));
  TRY(workspace.store().get(named.digest));
  TRY(services::registry::check(workspace, TRY(story.project.ledger()), story.project.root()));
  return story.project.advance_pin();
}

Result<drills::Outcome> defend(World& world) { return drills::outcome_of(fetch(world.state<Story>())); }

}  // namespace

const drills::Drill immutable_store_drill{
    .threat = "versions-store-overwrite",
    .story =
        "an intruder with all files of the data catalogue overwrites an object in place, repoints the tag, "
        "or puts "
        "an older state back",
    .honest_story = "a new release, and the removal of objects that no statement names",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .trials = 2 * kWays,
    .harm = "the client goes away with other bytes than were released"};

}  // namespace sallyport::experiment::versioned_data
