// What is asked beside the main road: what this server can do, metrics of many runs at once, data sets of
// experiments, the older word for logged models.
#include <algorithm>
#include <set>

#include "core/limits/tracking.h"
#include "services/tracking/entities.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::string_view kModelHistoryTag = "mlflow.log-model.history";

// What lies between the first and the last is thinned evenly; those two always stay.
std::set<std::int64_t> thinned(const std::vector<std::int64_t>& steps, std::int64_t count_max) {
  std::set<std::int64_t> out;
  const auto count = std::ssize(steps);
  if (count <= count_max) return {steps.begin(), steps.end()};
  for (std::int64_t i = 0; i < count_max; ++i) {
    const std::int64_t at = count_max == 1 ? 0 : i * (count - 1) / (count_max - 1);
    out.insert(steps[static_cast<std::size_t>(at)]);
  }
  return out;
}

Json metric_of_run(const Row& row, const std::string& key, const std::string& run_id) {
  Json out = metric_out({key, value_in(row, 0, 1), integer_at(row, 2), integer_at(row, 3), {}});
  out["run_id"] = run_id;
  return out;
}

// The runs that the call names, each of which its principal may read.
Result<std::vector<Run>> readable_runs(Call& call, Session& session, std::string_view parameter,
                                       std::size_t count_max) {
  std::vector<Run> out;
  for (const std::string& id : TRY(call.arguments().texts(parameter, count_max))) {
    out.push_back(TRY(run_by_id(session, id)));
    TRY(call.require(Verb::kRead, out.back().experiment.resource()));
  }
  if (out.empty()) {
    return invalid("Missing value for required parameter '" + std::string(parameter) + "'");
  }
  return out;
}

}  // namespace

Result<Json> get_server_info(Call& call) {
  call.filters_by_leave();
  return Json{{"store_type", "SqlStore"},
              {"workspaces_enabled", false},
              {"trace_archival_enabled", false},
              {"multipart_uploads_enabled", false},
              {"multipart_downloads_enabled", false},
              {"presigned_upload_run_id_supported", false},
              {"presigned_upload_model_id_supported", false},
              {"features_enabled", Json::array()}};
}

Result<Json> get_metric_history_bulk(Call& call) {
  const std::string key = TRY(call.arguments().text("metric_key"));
  const Page page = TRY(page_of(call.arguments(), limits::kHistoryResultsMax, limits::kHistoryResultsMax));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json metrics = Json::array();
    for (const Run& run : TRY(readable_runs(call, session, "run_id", limits::kBulkRunsMax))) {
      const std::int64_t left = page.count - std::ssize(metrics);
      const auto rows = TRY(
          session.query("SELECT value, is_nan, timestamp, step FROM metrics WHERE run = ? AND key = ? "
                        "ORDER BY timestamp, step, value LIMIT ?",
                        {run.number, key, left}));
      for (const Row& row : rows) {
        metrics.push_back(metric_of_run(row, key, run.run_id));
      }
    }
    return Json{{"metrics", std::move(metrics)}};
  });
}

Result<Json> get_metric_history_bulk_interval(Call& call) {
  const Arguments& arguments = call.arguments();
  const std::string key = TRY(arguments.text("metric_key"));
  const std::int64_t count_max = TRY(arguments.integer_or("max_results", limits::kBulkPointsDefault));
  if (count_max < 1 || count_max > limits::kBulkPointsMax) {
    return invalid("max_results: a number from 1 to " + std::to_string(limits::kBulkPointsMax) +
                   " was expected");
  }
  if (arguments.has("start_step") != arguments.has("end_step")) {
    return invalid("If either start step or end step are specified, both must be specified.");
  }
  const std::int64_t first = TRY(arguments.integer_or("start_step", INT64_MIN));
  const std::int64_t last = TRY(arguments.integer_or("end_step", INT64_MAX));
  if (first > last) return invalid("end_step must be greater than start_step");
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json metrics = Json::array();
    for (const Run& run : TRY(readable_runs(call, session, "run_ids", limits::kBulkRunsMax))) {
      const auto rows = TRY(
          session.query("SELECT value, is_nan, timestamp, step FROM metrics WHERE run = ? AND key = ? AND "
                        "step >= ? AND step <= ? ORDER BY step, timestamp LIMIT ?",
                        {run.number, key, first, last, limits::kSearchResultsMax}));
      std::vector<std::int64_t> steps;
      for (const Row& row : rows) {
        if (steps.empty() || steps.back() != integer_at(row, 3)) steps.push_back(integer_at(row, 3));
      }
      const std::set<std::int64_t> kept = thinned(steps, count_max);
      for (const Row& row : rows) {
        if (kept.contains(integer_at(row, 3))) metrics.push_back(metric_of_run(row, key, run.run_id));
      }
    }
    return Json{{"metrics", std::move(metrics)}};
  });
}

Result<Json> search_datasets(Call& call) {
  const auto experiments = TRY(call.arguments().texts("experiment_ids", limits::kSearchExperimentsMax));
  if (experiments.empty()) return invalid("Missing value for required parameter 'experiment_ids'");
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json found = Json::array();
    for (const std::string& id : experiments) {
      const Experiment experiment = TRY(experiment_by_id(session, id));
      TRY(call.require(Verb::kRead, experiment.resource()));
      const auto rows = TRY(
          session.query("SELECT DISTINCT d.name, d.digest, d.context FROM dataset_inputs d JOIN runs r ON "
                        "r.id = d.run WHERE r.experiment = ? ORDER BY d.name, d.digest, d.context LIMIT ?",
                        {experiment.id, limits::kSearchResultsDefault}));
      for (const Row& row : rows) {
        found.push_back({{"experiment_id", id},
                         {"name", text_at(row, 0)},
                         {"digest", text_at(row, 1)},
                         {"context", text_at(row, 2)}});
      }
    }
    return Json{{"dataset_summaries", std::move(found)}};
  });
}

// Clients of before MLflow 3 say with it where in a run a model is; the run keeps it as a tag.
Result<Json> log_model(Call& call) {
  const auto said = parse_json(TRY(call.arguments().text("model_json")));
  if (!said || !said->is_object()) return invalid("Malformed model info: a JSON object was expected");
  for (const char* member : {"artifact_path", "flavors", "utc_time_created", "run_id"}) {
    if (said->contains(member)) continue;
    return invalid("Model json is missing mandatory field " + std::string(member));
  }
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    const std::string tag(kModelHistoryTag);
    const auto row =
        TRY(session.first("SELECT value FROM tags WHERE run = ? AND key = ?", {run.number, tag}));
    Json history = row ? parse_json(text_at(*row, 0)).value_or(Json::array()) : Json::array();
    if (!history.is_array()) history = Json::array();
    history.push_back(*said);
    TRY(write_tag(session, run, {tag, canonical(history)}));
    return Json::object();
  });
}

}  // namespace sallyport::services::tracking
