#include "services/tracking/schema.h"

#include <array>
#include <string>

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

}  // namespace

Result<void> apply_schema(sqlite::Database& database) {
  const auto rows = TRY(database.query("PRAGMA user_version"));
  const auto at = static_cast<std::size_t>(std::get<std::int64_t>(rows.at(0).at(0)));
  if (at > kSteps.size()) {
    return invalid("store: its tables are of version " + std::to_string(at) + ", this build knows up to " +
                       std::to_string(kSteps.size()),
                   "start the version of sallyport that wrote them");
  }
  for (std::size_t step = at; step < kSteps.size(); ++step) {
    TRY(database.execute("BEGIN IMMEDIATE;" + std::string(kSteps[step]) +
                         "PRAGMA user_version=" + std::to_string(step + 1) + "; COMMIT;"));
  }
  return {};
}

}  // namespace sallyport::services::tracking
