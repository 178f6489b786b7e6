// What a run read and what it made: data sets, models in, models out; and the files of a run by its id.
#include "core/limits/tracking.h"
#include "services/tracking/artifacts.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::string_view kContextTag = "mlflow.data.context";

Result<void> write_dataset(Session& session, const Run& run, const Arguments& input) {
  const Arguments dataset = TRY(input.object("dataset"));
  const auto tags = TRY(pairs(input, "tags", limits::kBatchTagsMax));
  std::string context;
  for (const Pair& tag : tags) {
    TRY(check_key("input tag", tag.key));
    TRY(check_value("input tag", tag.key, tag.value, limits::kTagBytesMax));
    if (tag.key == kContextTag) context = tag.value;
  }
  std::vector<Value> values{run.number};
  for (const char* field : {"name", "digest"}) {
    values.emplace_back(TRY(dataset.text(field)));
    TRY(check_name("dataset", std::get<std::string>(values.back())));
  }
  values.emplace_back(context);
  for (const char* field : {"source_type", "source", "profile", "schema"}) {
    values.emplace_back(TRY(dataset.text_or(field, "")));
    TRY(check_value("dataset", field, std::get<std::string>(values.back()), limits::kDatasetBytesMax));
  }
  values.emplace_back(canonical(pairs_out(tags)));
  TRY(session.query(
      "INSERT INTO dataset_inputs (run, name, digest, context, source_type, source, profile, schema, "
      "tags) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
      std::span<const Value>(values)));
  return {};
}

Result<std::string> model_id_in(const Arguments& model) {
  std::string id = TRY(model.text("model_id"));
  TRY(check_key("model id", id));
  return id;
}

}  // namespace

Result<Json> inputs_of(Session& session, const Run& run) {
  Json datasets = Json::array();
  for (const Row& row :
       TRY(session.query("SELECT name, digest, source_type, source, profile, schema, tags FROM "
                         "dataset_inputs WHERE run = ? ORDER BY name, digest",
                         {run.number}))) {
    Json dataset{{"name", text_at(row, 0)},
                 {"digest", text_at(row, 1)},
                 {"source_type", text_at(row, 2)},
                 {"source", text_at(row, 3)}};
    if (!text_at(row, 4).empty()) dataset["profile"] = text_at(row, 4);
    if (!text_at(row, 5).empty()) dataset["schema"] = text_at(row, 5);
    Json input{{"tags", TRY(parse_json(text_at(row, 6)))}};
    input["dataset"] = std::move(dataset);
    datasets.push_back(std::move(input));
  }
  Json models = Json::array();
  for (const Row& row : TRY(session.query("SELECT model_id FROM model_inputs WHERE run = ? ORDER BY model_id",
                                          {run.number}))) {
    models.push_back({{"model_id", text_at(row, 0)}});
  }
  return Json{{"dataset_inputs", std::move(datasets)}, {"model_inputs", std::move(models)}};
}

Result<Json> outputs_of(Session& session, const Run& run) {
  Json models = Json::array();
  for (const Row& row : TRY(session.query(
           "SELECT model_id, step FROM model_outputs WHERE run = ? ORDER BY model_id, step", {run.number}))) {
    models.push_back({{"model_id", text_at(row, 0)}, {"step", integer_at(row, 1)}});
  }
  return Json{{"model_outputs", std::move(models)}};
}

Result<Json> log_inputs(Call& call) {
  const auto datasets = TRY(call.arguments().objects("datasets", limits::kBatchEntitiesMax));
  const auto models = TRY(call.arguments().objects("models", limits::kBatchEntitiesMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    for (const Arguments& dataset : datasets) TRY(write_dataset(session, run, dataset));
    for (const Arguments& model : models) {
      TRY(session.execute("INSERT INTO model_inputs (run, model_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
                          {run.number, TRY(model_id_in(model))}));
    }
    return Json::object();
  });
}

Result<Json> log_outputs(Call& call) {
  const auto models = TRY(call.arguments().objects("models", limits::kBatchEntitiesMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    for (const Arguments& model : models) {
      TRY(session.execute(
          "INSERT INTO model_outputs (run, model_id, step) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
          {run.number, TRY(model_id_in(model)), TRY(model.integer_or("step", 0))}));
    }
    return Json::object();
  });
}

Result<Json> list_run_artifacts(Call& call) {
  const std::string below = TRY(call.arguments().text_or("path", ""));
  const std::string root = TRY(reading(call.store(), [&](Session& session) -> Result<std::string> {
    return TRY(required_run(call, session, Verb::kRead)).artifact_uri();
  }));
  const std::string path = root.substr(kArtifactScheme.size()) + (below.empty() ? "" : "/" + below);
  Json files = TRY(parse_json(TRY(list_artifacts(call, path)).body))["files"];
  for (Json& file : files) {
    if (!below.empty()) file["path"] = below + "/" + file["path"].get<std::string>();
  }
  return Json{{"root_uri", root}, {"files", std::move(files)}};
}

}  // namespace sallyport::services::tracking
