// Experiments and runs as the store holds them and as MLflow's JSON shows them.
//
// For the thread that holds the session.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "services/tracking/call.h"

namespace sallyport::services::tracking {

inline constexpr std::string_view kActive = "active";
inline constexpr std::string_view kDeleted = "deleted";
inline constexpr std::string_view kArtifactScheme = "mlflow-artifacts:/";

struct Experiment {
  std::int64_t id = 0;
  std::string name = {};
  std::string location = {};
  std::string stage = {};
  std::int64_t created_ms = 0;
  std::int64_t updated_ms = 0;

  Resource resource() const { return {Kind::kExperiment, name}; }
};
Result<Experiment> experiment_by_id(Session& session, const std::string& id);
Experiment experiment_in(const Row& row, std::size_t at);
inline constexpr std::string_view kExperimentColumns =
    "e.id, e.name, e.artifact_location, e.stage, e.created, e.updated";
Result<Json> experiment_out(Session& session, const Experiment& experiment);

struct Run {
  std::int64_t number = 0;  // the key of its rows
  std::string run_id = {};
  std::string name = {};
  std::string user_id = {};
  std::string status = {};
  std::string stage = {};
  std::optional<std::int64_t> start_ms = {};
  std::optional<std::int64_t> end_ms = {};
  Experiment experiment = {};

  std::string artifact_uri() const { return experiment.location + "/" + run_id + "/artifacts"; }
};
inline constexpr std::string_view kRunColumns =
    "r.id, r.run_id, r.name, r.user_id, r.status, r.stage, r.start_time, r.end_time, "
    "e.id, e.name, e.artifact_location, e.stage, e.created, e.updated";
Run run_in(const Row& row);
Result<Run> run_by_id(Session& session, const std::string& run_id);
Json run_info_out(const Run& run);
// With its data, inputs and outputs.
Result<Json> run_out(Session& session, const Run& run);
Result<Json> inputs_of(Session& session, const Run& run);
Result<Json> outputs_of(Session& session, const Run& run);

// The run that the call names, once its principal may do that with it. `writable` refuses deleted ones.
Result<std::string> run_id_of(const Arguments& arguments);
Result<Run> required_run(Call& call, Session& session, Verb verb);
Result<Run> writable_run(Call& call, Session& session);

// 32 hexadecimal digits that nobody can guess.
std::string new_id(Env& env);

// The tag that carries a run's name, which MLflow keeps in both places.
inline constexpr std::string_view kRunNameTag = "mlflow.runName";

struct Metric {
  std::string key = {};
  double value = 0;
  std::int64_t timestamp_ms = 0;
  std::int64_t step = 0;
  std::string model_id = {};  // of the logged model that it is about
};
Json metric_out(const Metric& metric);
// A value and its `is_nan` beside it.
double value_in(const Row& row, std::size_t value, std::size_t is_nan);
Result<Metric> metric_in(const Arguments& arguments);
Result<void> write_metric(Session& session, const Run& run, const Metric& metric);
// The same as one after the other, in few statements: each is a question to the database.
Result<void> write_metrics(Session& session, const Run& run, std::span<const Metric> metrics);
Result<void> write_param(Session& session, const Run& run, const Pair& param);
Result<void> write_tag(Session& session, const Run& run, const Pair& tag);

// ACTIVE_ONLY, DELETED_ONLY or ALL as " AND column = '...'".
Result<std::string> stage_clause(const std::string& view, std::string_view column);

struct Page {
  std::int64_t offset = 0;
  std::int64_t count = 0;
};
Result<Page> page_of(const Arguments& arguments, std::int64_t fallback, std::int64_t count_max);

}  // namespace sallyport::services::tracking
