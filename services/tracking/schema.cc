#include "services/tracking/schema.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "services/tracking/store.h"

namespace sallyport::services::tracking {
namespace {

// A run's rows carry its number, which is short, and not its name, which is 32 characters. A value that is
// not a number is 0 with `is_nan`, so that it can be part of a key.
constexpr const char* kTracking = R"(
CREATE TABLE experiments (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  artifact_location TEXT NOT NULL,
  stage TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL);
CREATE TABLE experiment_tags (
  experiment INTEGER NOT NULL REFERENCES experiments(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (experiment, key)) WITHOUT ROWID;
CREATE TABLE runs (
  id INTEGER PRIMARY KEY,
  run_id TEXT NOT NULL UNIQUE,
  experiment INTEGER NOT NULL REFERENCES experiments(id),
  name TEXT NOT NULL,
  user_id TEXT NOT NULL,
  status TEXT NOT NULL,
  stage TEXT NOT NULL,
  start_time INTEGER,
  end_time INTEGER,
  author TEXT NOT NULL);
CREATE INDEX runs_by_experiment ON runs (experiment, start_time);
CREATE TABLE metrics (
  run INTEGER NOT NULL REFERENCES runs(id),
  key TEXT NOT NULL,
  timestamp INTEGER NOT NULL,
  step INTEGER NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  PRIMARY KEY (run, key, timestamp, step, value, is_nan)) WITHOUT ROWID;
CREATE TABLE latest_metrics (
  run INTEGER NOT NULL REFERENCES runs(id),
  key TEXT NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  step INTEGER NOT NULL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE params (
  run INTEGER NOT NULL REFERENCES runs(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
CREATE TABLE tags (
  run INTEGER NOT NULL REFERENCES runs(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (run, key)) WITHOUT ROWID;
INSERT INTO experiments VALUES (0, 'Default', 'mlflow-artifacts:/0', 'active',
  CAST(strftime('%s', 'now') AS INTEGER) * 1000, CAST(strftime('%s', 'now') AS INTEGER) * 1000);
)";

constexpr const char* kModels = R"(
CREATE TABLE artifacts (
  path TEXT PRIMARY KEY,
  digest TEXT NOT NULL,
  size INTEGER NOT NULL,
  author TEXT NOT NULL,
  created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE seals (
  prefix TEXT PRIMARY KEY,
  reason TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE dataset_inputs (
  run INTEGER NOT NULL REFERENCES runs(id),
  name TEXT NOT NULL,
  digest TEXT NOT NULL,
  context TEXT NOT NULL,
  source_type TEXT NOT NULL,
  source TEXT NOT NULL,
  profile TEXT NOT NULL,
  schema TEXT NOT NULL,
  tags TEXT NOT NULL,
  PRIMARY KEY (run, name, digest)) WITHOUT ROWID;
CREATE TABLE model_inputs (
  run INTEGER NOT NULL REFERENCES runs(id),
  model_id TEXT NOT NULL,
  PRIMARY KEY (run, model_id)) WITHOUT ROWID;
CREATE TABLE model_outputs (
  run INTEGER NOT NULL REFERENCES runs(id),
  model_id TEXT NOT NULL,
  step INTEGER NOT NULL,
  PRIMARY KEY (run, model_id, step)) WITHOUT ROWID;
CREATE TABLE logged_models (
  id INTEGER PRIMARY KEY,
  model_id TEXT NOT NULL UNIQUE,
  experiment INTEGER NOT NULL REFERENCES experiments(id),
  name TEXT NOT NULL,
  type TEXT NOT NULL,
  source_run TEXT NOT NULL,
  status TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  author TEXT NOT NULL);
CREATE TABLE logged_model_params (
  model INTEGER NOT NULL REFERENCES logged_models(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE logged_model_tags (
  model INTEGER NOT NULL REFERENCES logged_models(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE logged_model_metrics (
  model INTEGER NOT NULL REFERENCES logged_models(id),
  key TEXT NOT NULL,
  run_id TEXT NOT NULL,
  value REAL NOT NULL,
  is_nan INTEGER NOT NULL,
  timestamp INTEGER NOT NULL,
  step INTEGER NOT NULL,
  PRIMARY KEY (model, key, run_id)) WITHOUT ROWID;
CREATE TABLE registered_models (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  description TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  author TEXT NOT NULL);
CREATE TABLE registered_model_tags (
  model INTEGER NOT NULL REFERENCES registered_models(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (model, key)) WITHOUT ROWID;
CREATE TABLE versions (
  id INTEGER PRIMARY KEY,
  model INTEGER NOT NULL REFERENCES registered_models(id),
  version INTEGER NOT NULL,
  source TEXT NOT NULL,
  prefix TEXT NOT NULL,
  run_id TEXT NOT NULL,
  model_id TEXT NOT NULL,
  description TEXT NOT NULL,
  stage TEXT NOT NULL,
  status TEXT NOT NULL,
  message TEXT NOT NULL,
  manifest TEXT NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  author TEXT NOT NULL,
  UNIQUE (model, version));
CREATE TABLE version_tags (
  version INTEGER NOT NULL REFERENCES versions(id),
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  PRIMARY KEY (version, key)) WITHOUT ROWID;
CREATE TABLE aliases (
  model INTEGER NOT NULL REFERENCES registered_models(id),
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  PRIMARY KEY (model, alias)) WITHOUT ROWID;
CREATE TABLE approvals (
  model INTEGER NOT NULL REFERENCES registered_models(id),
  alias TEXT NOT NULL,
  version INTEGER NOT NULL,
  principal TEXT NOT NULL,
  PRIMARY KEY (model, alias, version, principal)) WITHOUT ROWID;
)";

// Each step takes the tables from the version before it to its own; a step that was released is never edited.
constexpr std::array kSteps{kTracking, kModels};

std::unexpected<Error> from_the_future(std::int64_t version) {
  return invalid("store: its tables are of version " + std::to_string(version) + ", this build knows up to " +
                     std::to_string(kSteps.size()),
                 "start the version of sallyport that wrote them");
}

// The steps are written as SQLite reads them. PostgreSQL calls the same types by other names, and sorts and
// compares texts by their bytes only when it is told so.
std::string for_postgres(std::string step) {
  constexpr std::pair<std::string_view, std::string_view> kWords[] = {
      {"CAST(strftime('%s', 'now') AS INTEGER)", "CAST(EXTRACT(EPOCH FROM now()) AS BIGINT)"},
      {"INTEGER PRIMARY KEY", "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"},
      {" INTEGER", " BIGINT"},
      {" REAL", " DOUBLE PRECISION"},
      {" TEXT", " TEXT COLLATE \"C\""},
      {" WITHOUT ROWID", ""}};
  for (const auto& [from, to] : kWords) {
    for (std::size_t at = 0; (at = step.find(from, at)) != std::string::npos; at += to.size()) {
      step.replace(at, from.size(), to);
    }
  }
  return step;
}

struct Stand {
  std::int64_t version = 0;
  std::string folder = {};  // "" when there are no tables
};

Result<Stand> stand_of(postgres::Database& database) {
  const auto there = TRY(database.query("SELECT 1 WHERE to_regclass('sallyport.server') IS NOT NULL"));
  Stand out;
  if (there.empty()) return out;
  const auto rows = TRY(database.query("SELECT version, folder FROM sallyport.server"));
  if (rows.size() != 1 || rows[0].size() != 2)
    return invalid("store: sallyport.server is not one row of two");
  out.version = integer_at(rows[0], 0);
  out.folder = text_at(rows[0], 1);
  if (out.folder.empty()) return invalid("store: sallyport.server names no folder");
  return out;
}

Result<void> check_stand(const Stand& stand, const std::string& folder) {
  if (stand.folder != folder) {
    return invalid("store: the database belongs to another server's folder",
                   "take the folder that it was made with, or another database");
  }
  if (stand.version < 0 || stand.version > std::ssize(kSteps)) return from_the_future(stand.version);
  return {};
}

Result<void> make_tables(postgres::Database& database, const Belonging& belonging) {
  const Stand stand = TRY(stand_of(database));
  if (stand.folder.empty()) {
    if (belonging.made) {
      return invalid("store: the database has none of the tables that the folder's server made",
                     "restore it from a backup");
    }
    // Asked for by name first: "IF NOT EXISTS" would still demand the right to create one.
    const auto schema = TRY(database.query("SELECT 1 WHERE to_regnamespace('sallyport') IS NOT NULL"));
    if (schema.empty()) TRY(database.execute("CREATE SCHEMA sallyport"));
    TRY(database.execute("CREATE TABLE sallyport.server (version BIGINT NOT NULL, folder TEXT NOT NULL)"));
    TRY(database.query("INSERT INTO sallyport.server (version, folder) VALUES (0, ?)",
                       std::vector<postgres::Value>{belonging.folder}));
  } else {
    TRY(check_stand(stand, belonging.folder));
  }
  for (auto step = static_cast<std::size_t>(stand.version); step < kSteps.size(); ++step) {
    TRY(database.execute(for_postgres(kSteps[step])));
  }
  TRY(database.query("UPDATE sallyport.server SET version = ?",
                     std::vector<postgres::Value>{std::int64_t{std::ssize(kSteps)}}));
  return {};
}

}  // namespace

Result<void> apply_schema(sqlite::Database& database) {
  const auto rows = TRY(database.query("PRAGMA user_version"));
  const auto at = static_cast<std::size_t>(std::get<std::int64_t>(rows.at(0).at(0)));
  if (at > kSteps.size()) {
    return from_the_future(static_cast<std::int64_t>(at));
  }
  for (std::size_t step = at; step < kSteps.size(); ++step) {
    TRY(database.execute("BEGIN IMMEDIATE;" + std::string(kSteps[step]) +
                         "PRAGMA user_version=" + std::to_string(step + 1) + "; COMMIT;"));
  }
  return {};
}

Result<void> apply_schema(postgres::Database& database, const Belonging& belonging) {
  TRY(database.execute("BEGIN"));
  if (auto made = make_tables(database, belonging); !made) {
    std::ignore = database.execute("ROLLBACK");
    return made;
  }
  if (TRY(database.execute("COMMIT")) != "COMMIT") {
    return fail(ErrorKind::kIo, "store: its tables could not be made");
  }
  return {};
}

Result<void> check_schema(postgres::Database& database, const std::string& folder) {
  const Stand stand = TRY(stand_of(database));
  TRY(check_stand(stand, folder));
  if (stand.version == std::ssize(kSteps)) return {};
  return invalid("store: its tables are of version " + std::to_string(stand.version),
                 "start the server once: it brings them to " + std::to_string(kSteps.size()));
}

}  // namespace sallyport::services::tracking
