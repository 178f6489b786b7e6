#include "services/tracking/entities.h"

#include <cmath>
#include <limits>
#include <map>
#include <tuple>
#include <vector>

#include "core/limits/tracking.h"
#include "core/text.h"

namespace sallyport::services::tracking {
namespace {

std::optional<std::int64_t> optional_integer(const Row& row, std::size_t at) {
  if (is_null(row, at)) return {};
  return integer_at(row, at);
}

Result<Json> pairs_of(Session& session, const std::string& sql, std::int64_t owner) {
  Json out = Json::array();
  for (const Row& row : TRY(session.query(sql, {owner}))) {
    out.push_back({{"key", text_at(row, 0)}, {"value", text_at(row, 1)}});
  }
  return out;
}

}  // namespace

double value_in(const Row& row, std::size_t value, std::size_t is_nan) {
  return integer_at(row, is_nan) != 0 ? std::numeric_limits<double>::quiet_NaN() : number_at(row, value);
}

Experiment experiment_in(const Row& row, std::size_t at) {
  return {.id = integer_at(row, at),
          .name = text_at(row, at + 1),
          .location = text_at(row, at + 2),
          .stage = text_at(row, at + 3),
          .created_ms = integer_at(row, at + 4),
          .updated_ms = integer_at(row, at + 5)};
}

Result<Experiment> experiment_by_id(Session& session, const std::string& id) {
  const auto number = parsed_number<std::int64_t>(id);
  const auto row = number ? TRY(session.first("SELECT " + std::string(kExperimentColumns) +
                                                  " FROM experiments e WHERE e.id = ?",
                                              {*number}))
                          : std::optional<Row>();
  if (!row) return not_found("No Experiment with id=" + shown(id) + " exists");
  return experiment_in(*row, 0);
}

Result<Json> experiment_out(Session& session, const Experiment& experiment) {
  Json out{{"experiment_id", std::to_string(experiment.id)}, {"name", experiment.name},
           {"artifact_location", experiment.location},       {"lifecycle_stage", experiment.stage},
           {"creation_time", experiment.created_ms},         {"last_update_time", experiment.updated_ms}};
  out["tags"] = TRY(pairs_of(
      session, "SELECT key, value FROM experiment_tags WHERE experiment = ? ORDER BY key", experiment.id));
  return out;
}

Run run_in(const Row& row) {
  return {.number = integer_at(row, 0),
          .run_id = text_at(row, 1),
          .name = text_at(row, 2),
          .user_id = text_at(row, 3),
          .status = text_at(row, 4),
          .stage = text_at(row, 5),
          .start_ms = optional_integer(row, 6),
          .end_ms = optional_integer(row, 7),
          .experiment = experiment_in(row, 8)};
}

Result<Run> run_by_id(Session& session, const std::string& run_id) {
  const auto row = TRY(session.first("SELECT " + std::string(kRunColumns) +
                                         " FROM runs r JOIN experiments e ON e.id = r.experiment"
                                         " WHERE r.run_id = ?",
                                     {run_id}));
  if (!row) return not_found("Run with id=" + shown(run_id) + " not found");
  return run_in(*row);
}

Json run_info_out(const Run& run) {
  Json out{{"run_id", run.run_id},
           {"run_uuid", run.run_id},
           {"run_name", run.name},
           {"experiment_id", std::to_string(run.experiment.id)},
           {"user_id", run.user_id},
           {"status", run.status},
           {"artifact_uri", run.artifact_uri()},
           {"lifecycle_stage", run.stage}};
  if (run.start_ms) out["start_time"] = *run.start_ms;
  if (run.end_ms) out["end_time"] = *run.end_ms;
  return out;
}

Result<Json> run_out(Session& session, const Run& run) {
  Json metrics = Json::array();
  for (const Row& row : TRY(session.query("SELECT key, value, is_nan, timestamp, step FROM latest_metrics "
                                          "WHERE run = ? ORDER BY key",
                                          {run.number}))) {
    metrics.push_back(
        metric_out({text_at(row, 0), value_in(row, 1, 2), integer_at(row, 3), integer_at(row, 4), {}}));
  }
  Json data{{"metrics", std::move(metrics)}};
  data["params"] =
      TRY(pairs_of(session, "SELECT key, value FROM params WHERE run = ? ORDER BY key", run.number));
  data["tags"] = TRY(pairs_of(session, "SELECT key, value FROM tags WHERE run = ? ORDER BY key", run.number));
  Json out{{"info", run_info_out(run)}};
  out["data"] = std::move(data);
  out["inputs"] = TRY(inputs_of(session, run));
  out["outputs"] = TRY(outputs_of(session, run));
  return out;
}

Result<std::string> run_id_of(const Arguments& arguments) {
  if (arguments.has("run_id")) return arguments.text("run_id");
  if (arguments.has("run_uuid")) return arguments.text("run_uuid");
  return arguments.text("run_id");
}

Result<Run> required_run(Call& call, Session& session, Verb verb) {
  const Run run = TRY(run_by_id(session, TRY(run_id_of(call.arguments()))));
  TRY(call.require(verb, run.experiment.resource()));
  return run;
}

Result<Run> writable_run(Call& call, Session& session) {
  const Run run = TRY(required_run(call, session, Verb::kWrite));
  if (run.stage == kActive) return run;
  return invalid("The run " + run.run_id + " must be in the 'active' state. Current state is " + run.stage);
}

std::string new_id(Env& env) {
  std::array<std::uint8_t, 16> bytes{};
  env.random(bytes);
  return to_hex(bytes);
}

Json metric_out(const Metric& metric) {
  return {{"key", metric.key},
          {"value", number_out(metric.value)},
          {"timestamp", metric.timestamp_ms},
          {"step", metric.step}};
}

Result<Metric> metric_in(const Arguments& arguments) {
  Metric metric{.key = TRY(arguments.text("key"))};
  metric.value = TRY(arguments.number("value"));
  metric.timestamp_ms = TRY(arguments.integer("timestamp"));
  metric.step = TRY(arguments.integer_or("step", 0));
  metric.model_id = TRY(arguments.text_or("model_id", ""));
  TRY(check_key("metric", metric.key));
  return metric;
}

namespace {

// Of a logged model of the same experiment; what is said of another's model is not kept.
Result<void> write_model_metric(Session& session, const Run& run, const Metric& metric, double value,
                                std::int64_t is_nan) {
  return session.execute(
      "INSERT INTO logged_model_metrics (model, key, run_id, value, is_nan, timestamp, step) "
      "SELECT id, ?, ?, ?, ?, ?, ? FROM logged_models WHERE model_id = ? AND experiment = ? "
      "ON CONFLICT (model, key, run_id) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, "
      "timestamp = excluded.timestamp, step = excluded.step",
      {metric.key, run.run_id, value, is_nan, metric.timestamp_ms, metric.step, metric.model_id,
       run.experiment.id});
}

}  // namespace

namespace {

constexpr std::string_view kInsertMetrics =
    "INSERT INTO metrics (run, key, timestamp, step, value, is_nan) VALUES ";
constexpr std::string_view kUnlessThere = " ON CONFLICT DO NOTHING";
constexpr std::string_view kInsertLatest =
    "INSERT INTO latest_metrics (run, key, timestamp, step, value, is_nan) VALUES ";
constexpr std::string_view kIfLater =
    " ON CONFLICT (run, key) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, "
    "timestamp = excluded.timestamp, step = excluded.step "
    "WHERE (excluded.step, excluded.timestamp, excluded.value) > "
    "(latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)";

double stored_value(const Metric& metric) { return std::isnan(metric.value) ? 0 : metric.value; }

// A few sizes alone, so that each statement is prepared once.
Result<void> insert_rows(Session& session, const Run& run, std::span<const Metric* const> metrics,
                         std::string_view insert, std::string_view on_conflict) {
  while (!metrics.empty()) {
    const std::size_t count = metrics.size() >= 100 ? 100 : metrics.size() >= 10 ? 10 : 1;
    std::string sql(insert);
    std::vector<Value> values;
    values.reserve(count * 6);
    for (const Metric* metric : metrics.first(count)) {
      sql += values.empty() ? "(?, ?, ?, ?, ?, ?)" : ", (?, ?, ?, ?, ?, ?)";
      values.insert(values.end(), {run.number, metric->key, metric->timestamp_ms, metric->step,
                                   stored_value(*metric), std::int64_t{std::isnan(metric->value)}});
    }
    sql += on_conflict;
    TRY(session.query(sql, std::span<const Value>(values)));
    metrics = metrics.subspan(count);
  }
  return {};
}

}  // namespace

Result<void> write_metrics(Session& session, const Run& run, std::span<const Metric> metrics) {
  std::vector<const Metric*> all;
  // One row for a key: a statement may not meet the same one twice.
  std::map<std::string_view, const Metric*> latest;
  for (const Metric& metric : metrics) {
    all.push_back(&metric);
    const Metric*& last = latest[metric.key];
    const auto order = [](const Metric& one) {
      return std::tuple(one.step, one.timestamp_ms, stored_value(one));
    };
    if (last == nullptr || order(metric) > order(*last)) last = &metric;
    if (metric.model_id.empty()) continue;
    TRY(write_model_metric(session, run, metric, stored_value(metric), std::isnan(metric.value) ? 1 : 0));
  }
  TRY(insert_rows(session, run, all, kInsertMetrics, kUnlessThere));
  std::vector<const Metric*> last_of_each;
  for (const auto& [key, metric] : latest) last_of_each.push_back(metric);
  return insert_rows(session, run, last_of_each, kInsertLatest, kIfLater);
}

Result<void> write_metric(Session& session, const Run& run, const Metric& metric) {
  return write_metrics(session, run, std::span(&metric, 1));
}

Result<void> write_param(Session& session, const Run& run, const Pair& param) {
  TRY(check_key("parameter", param.key));
  TRY(check_value("parameter", param.key, param.value, limits::kParamBytesMax));
  const auto old =
      TRY(session.first("SELECT value FROM params WHERE run = ? AND key = ?", {run.number, param.key}));
  if (old && text_at(*old, 0) != param.value) {
    return invalid("Changing param values is not allowed. Param with key=" + shown(param.key) +
                   " was already logged with value=" + shown(text_at(*old, 0)) + " for run ID='" +
                   run.run_id + "'. Attempted logging new value " + shown(param.value));
  }
  if (old) return {};
  return session.execute("INSERT INTO params (run, key, value) VALUES (?, ?, ?)",
                         {run.number, param.key, param.value});
}

Result<void> write_tag(Session& session, const Run& run, const Pair& tag) {
  TRY(check_key("tag", tag.key));
  TRY(check_value("tag", tag.key, tag.value, limits::kTagBytesMax));
  if (tag.key == kRunNameTag) {
    TRY(check_name("run", tag.value));
    TRY(session.execute("UPDATE runs SET name = ? WHERE id = ?", {tag.value, run.number}));
  }
  return session.execute(
      "INSERT INTO tags (run, key, value) VALUES (?, ?, ?) ON CONFLICT (run, key) DO UPDATE SET value = "
      "excluded.value",
      {run.number, tag.key, tag.value});
}

Result<std::string> stage_clause(const std::string& view, std::string_view column) {
  if (view == "ALL" || view == "3") return std::string();
  const bool active = view.empty() || view == "ACTIVE_ONLY" || view == "1";
  if (!active && view != "DELETED_ONLY" && view != "2") return invalid("Invalid view type " + shown(view));
  return " AND " + std::string(column) + " = '" + std::string(active ? kActive : kDeleted) + "'";
}

Result<Page> page_of(const Arguments& arguments, std::int64_t fallback, std::int64_t count_max) {
  Page page{.count = TRY(arguments.integer_or("max_results", fallback))};
  if (page.count < 1 || page.count > count_max) {
    return invalid("Invalid value " + std::to_string(page.count) +
                   " for parameter 'max_results': a number from 1 to " + std::to_string(count_max) +
                   " was expected");
  }
  page.offset = TRY(page_offset(TRY(arguments.text_or("page_token", ""))));
  return page;
}

}  // namespace sallyport::services::tracking
