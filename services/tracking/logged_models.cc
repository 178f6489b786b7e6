// Logged models: what a run made, before anybody registers it.
#include "core/limits/tracking.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/query.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr Searched::Attribute kLoggedModelAttributes[] = {
    {"name", "l.name"},
    {"model_id", "l.model_id"},
    {"model_type", "l.type"},
    {"source_run_id", "l.source_run"},
    {"status", "l.status"},
    {"creation_timestamp", "l.created", true},
    {"creation_time", "l.created", true},
    {"last_updated_timestamp", "l.updated", true},
};
constexpr Searched kLoggedModels{.what = "logged model",
                                 .attributes = kLoggedModelAttributes,
                                 .self = "l.id",
                                 .owner = "model",
                                 .metrics = "logged_model_metrics",
                                 .params = "logged_model_params",
                                 .tags = "logged_model_tags"};
constexpr std::string_view kColumns =
    "l.id, l.model_id, l.name, l.type, l.source_run, l.status, l.created, l.updated, "
    "e.id, e.name, e.artifact_location, e.stage, e.created, e.updated";
constexpr std::string_view kTables = " FROM logged_models l JOIN experiments e ON e.id = l.experiment ";

struct LoggedModel {
  std::int64_t number = 0;
  Experiment experiment = {};
  Json info = {};
};

LoggedModel model_in(const Row& row) {
  LoggedModel out{.number = integer_at(row, 0), .experiment = experiment_in(row, 8)};
  const std::string experiment = std::to_string(out.experiment.id);
  out.info = Json{{"model_id", text_at(row, 1)},
                  {"experiment_id", experiment},
                  {"name", text_at(row, 2)},
                  {"model_type", text_at(row, 3)},
                  {"source_run_id", text_at(row, 4)},
                  {"status", text_at(row, 5)},
                  {"creation_timestamp_ms", integer_at(row, 6)},
                  {"last_updated_timestamp_ms", integer_at(row, 7)},
                  {"artifact_uri", out.experiment.location + "/models/" + text_at(row, 1) + "/artifacts"}};
  return out;
}

Result<Json> pairs_below(Session& session, const char* table, std::int64_t model) {
  std::vector<Pair> out;
  for (const Row& row : TRY(session.query(
           "SELECT key, value FROM " + std::string(table) + " WHERE model = ? ORDER BY key", {model}))) {
    out.push_back({text_at(row, 0), text_at(row, 1)});
  }
  return pairs_out(out);
}

Result<Json> model_out(Session& session, LoggedModel model) {
  model.info["tags"] = TRY(pairs_below(session, "logged_model_tags", model.number));
  Json data{{"params", TRY(pairs_below(session, "logged_model_params", model.number))}};
  Json metrics = Json::array();
  for (const Row& row : TRY(session.query("SELECT key, value, is_nan, timestamp, step, run_id FROM "
                                          "logged_model_metrics WHERE model = ? ORDER BY key, run_id",
                                          {model.number}))) {
    Json metric =
        metric_out({text_at(row, 0), value_in(row, 1, 2), integer_at(row, 3), integer_at(row, 4), {}});
    metric["run_id"] = text_at(row, 5);
    metric["model_id"] = model.info["model_id"];
    metrics.push_back(std::move(metric));
  }
  data["metrics"] = std::move(metrics);
  Json out{{"info", std::move(model.info)}};
  out["data"] = std::move(data);
  return out;
}

Result<LoggedModel> required_logged_model(Call& call, Session& session, Verb verb) {
  const std::string id = TRY(call.arguments().text("model_id"));
  const auto row = TRY(
      session.first("SELECT " + std::string(kColumns) + std::string(kTables) + "WHERE l.model_id = ?", {id}));
  if (!row) return not_found("Logged model with ID " + shown(id) + " not found.");
  LoggedModel model = model_in(*row);
  TRY(call.require(verb, model.experiment.resource()));
  return model;
}

Result<Json> answer_with(Call& call, Session& session, Verb verb) {
  return Json{{"model", TRY(model_out(session, TRY(required_logged_model(call, session, verb))))}};
}

Result<void> write_pairs(Session& session, const char* table, std::int64_t model,
                         const std::vector<Pair>& values) {
  for (const Pair& pair : values) {
    TRY(check_key("tag or parameter", pair.key));
    TRY(check_value("tag or parameter", pair.key, pair.value, limits::kTagBytesMax));
    TRY(session.execute("INSERT INTO " + std::string(table) +
                            " (model, key, value) VALUES (?, ?, ?) "
                            "ON CONFLICT (model, key) DO UPDATE SET value = excluded.value",
                        {model, pair.key, pair.value}));
  }
  return {};
}

}  // namespace

Result<Json> create_logged_model(Call& call) {
  const Arguments& arguments = call.arguments();
  const std::string id = "m-" + new_id(call.env());
  std::string name = TRY(arguments.text_or("name", ""));
  if (name.empty()) name = "model-" + id.substr(2, 8);
  TRY(check_name("logged model", name));
  const std::string type = TRY(arguments.text_or("model_type", ""));
  TRY(check_value("model_type", name, type, limits::kEntityNameBytesMax));
  const std::string run_id = TRY(arguments.text_or("source_run_id", ""));
  const auto params = TRY(pairs(arguments, "params", limits::kBatchParamsMax));
  const auto tags = TRY(pairs(arguments, "tags", limits::kTagsPerCreationMax));
  const std::string experiment_id = TRY(arguments.text("experiment_id"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(experiment_by_id(session, experiment_id));
    TRY(call.require(Verb::kWrite, experiment.resource()));
    if (!run_id.empty())
      TRY(call.require(Verb::kWrite, TRY(run_by_id(session, run_id)).experiment.resource()));
    TRY(session.execute(
        "INSERT INTO logged_models (model_id, experiment, name, type, source_run, status, created, "
        "updated, author) VALUES (?, ?, ?, ?, ?, 'LOGGED_MODEL_PENDING', ?, ?, ?)",
        {id, experiment.id, name, type, run_id, call.now_ms(), call.now_ms(), call.principal().name}));
    const auto row = TRY(session.first(
        "SELECT " + std::string(kColumns) + std::string(kTables) + "WHERE l.model_id = ?", {id}));
    const LoggedModel model = model_in(row.value());
    TRY(write_pairs(session, "logged_model_params", model.number, params));
    TRY(write_pairs(session, "logged_model_tags", model.number, tags));
    return Json{{"model", TRY(model_out(session, model))}};
  });
}

Result<Json> get_logged_model(Call& call) {
  return reading(call.store(),
                 [&](Session& session) -> Result<Json> { return answer_with(call, session, Verb::kRead); });
}

Result<Json> finalize_logged_model(Call& call) {
  std::string status = TRY(call.arguments().text("status"));
  if (status == "2") status = "LOGGED_MODEL_READY";
  if (status == "3") status = "LOGGED_MODEL_UPLOAD_FAILED";
  if (status != "LOGGED_MODEL_READY" && status != "LOGGED_MODEL_UPLOAD_FAILED") {
    return invalid("Invalid model status: " + shown(status) +
                   ". Expected statuses include: READY or UPLOAD_FAILED");
  }
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kWrite));
    TRY(session.execute("UPDATE logged_models SET status = ?, updated = ? WHERE id = ?",
                        {status, call.now_ms(), model.number}));
    return answer_with(call, session, Verb::kWrite);
  });
}

Result<Json> delete_logged_model(Call& call) {
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kDelete));
    for (const char* table : {"logged_model_params", "logged_model_tags", "logged_model_metrics"}) {
      TRY(session.execute("DELETE FROM " + std::string(table) + " WHERE model = ?", {model.number}));
    }
    TRY(session.execute("DELETE FROM logged_models WHERE id = ?", {model.number}));
    return Json::object();
  });
}

Result<Json> set_logged_model_tags(Call& call) {
  const auto tags = TRY(pairs(call.arguments(), "tags", limits::kTagsPerCreationMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kWrite));
    TRY(write_pairs(session, "logged_model_tags", model.number, tags));
    return answer_with(call, session, Verb::kWrite);
  });
}

Result<Json> delete_logged_model_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("tag_key"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kWrite));
    const auto gone = TRY(session.first(
        "DELETE FROM logged_model_tags WHERE model = ? AND key = ? RETURNING key", {model.number, key}));
    if (!gone) return not_found("No tag with key " + shown(key));
    return Json::object();
  });
}

Result<Json> log_logged_model_params(Call& call) {
  const auto params = TRY(pairs(call.arguments(), "params", limits::kBatchParamsMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kWrite));
    TRY(write_pairs(session, "logged_model_params", model.number, params));
    return Json::object();
  });
}

// What its artifacts folder holds, under the name by which newer clients ask for it.
Result<Json> list_logged_model_artifacts(Call& call) {
  const std::string below = TRY(call.arguments().text_or("artifact_directory_path", ""));
  const std::string root = TRY(reading(call.store(), [&](Session& session) -> Result<std::string> {
    const LoggedModel model = TRY(required_logged_model(call, session, Verb::kRead));
    return model.info["artifact_uri"].get<std::string>();
  }));
  const std::string path = root.substr(kArtifactScheme.size()) + (below.empty() ? "" : "/" + below);
  Json files = TRY(parse_json(TRY(list_artifacts(call, path)).body))["files"];
  for (Json& file : files) {
    if (!below.empty()) file["path"] = below + "/" + file["path"].get<std::string>();
  }
  return Json{{"root_uri", root}, {"files", std::move(files)}};
}

Result<Json> search_logged_models(Call& call) {
  const Arguments& arguments = call.arguments();
  const Page page = TRY(page_of(arguments, 100, limits::kSearchResultsMax));
  const auto experiments = TRY(arguments.texts("experiment_ids", limits::kSearchExperimentsMax));
  if (experiments.empty()) return invalid("Missing value for required parameter 'experiment_ids'");
  const auto conditions = TRY(parse_filter(TRY(arguments.text_or("filter", ""))));
  std::vector<Order> orders;
  for (const Arguments& one : TRY(arguments.objects("order_by", limits::kOrderByMax))) {
    orders.push_back(TRY(parse_order(TRY(one.text("field_name")))));
    orders.back().descending = !TRY(one.truth_or("ascending", true));
  }
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Clause clause{.sql =
                      "SELECT " + std::string(kColumns) + std::string(kTables) + "WHERE l.experiment IN ("};
    for (std::size_t i = 0; i < experiments.size(); ++i) {
      const Experiment experiment = TRY(experiment_by_id(session, experiments[i]));
      TRY(call.require(Verb::kRead, experiment.resource()));
      clause.add(i == 0 ? "?" : ", ?", experiment.id);
    }
    clause.add(")");
    TRY(add_conditions(clause, kLoggedModels, conditions));
    TRY(add_orders(clause, kLoggedModels, orders, "l.created DESC, l.id DESC"));
    clause.add(" LIMIT ?", page.count + 1);
    clause.add(" OFFSET ?", page.offset);
    Json models = Json::array();
    Json out = Json::object();
    for (const Row& row : TRY(session.query(clause.sql, clause.values))) {
      if (std::ssize(models) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      models.push_back(TRY(model_out(session, model_in(row))));
    }
    out["models"] = std::move(models);
    return out;
  });
}

}  // namespace sallyport::services::tracking
