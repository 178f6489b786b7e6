// Runs: creation, state, and what is logged into them.
#include <array>

#include "core/limits/tracking.h"
#include "services/tracking/entities.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::array<std::string_view, 5> kStatuses{"RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"};

Result<std::string> status_in(const Arguments& arguments, std::string fallback) {
  std::string status = TRY(arguments.text_or("status", std::move(fallback)));
  // Protobuf's JSON allows the number of a value in place of its name.
  if (status.size() == 1 && status[0] >= '1' && status[0] <= '5') {
    status = kStatuses[static_cast<std::size_t>(status[0] - '1')];
  }
  for (const std::string_view known : kStatuses) {
    if (status == known) return status;
  }
  return invalid("Invalid status " + shown(status));
}

Result<Json> set_stage(Call& call, std::string_view to) {
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(required_run(call, session, Verb::kDelete));
    TRY(session.execute("UPDATE runs SET stage = ? WHERE id = ?", {std::string(to), run.number}));
    return Json::object();
  });
}

std::string name_among(const std::vector<Pair>& tags) {
  for (const Pair& tag : tags) {
    if (tag.key == kRunNameTag) return tag.value;
  }
  return {};
}

}  // namespace

Result<Json> create_run(Call& call) {
  const Arguments& arguments = call.arguments();
  const auto tags = TRY(pairs(arguments, "tags", limits::kTagsPerCreationMax));
  const std::string id = new_id(call.env());
  std::string name = TRY(arguments.text_or("run_name", ""));
  if (name.empty()) name = name_among(tags);
  if (name.empty()) name = "run-" + id.substr(0, 8);
  TRY(check_name("run", name));
  const std::string user = TRY(arguments.text_or("user_id", ""));
  TRY(check_value("user", "user_id", user, limits::kEntityKeyBytesMax));
  const std::int64_t start = TRY(arguments.integer_or("start_time", call.now_ms()));
  const std::string experiment_id = TRY(arguments.text_or("experiment_id", "0"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(experiment_by_id(session, experiment_id));
    TRY(call.require(Verb::kWrite, experiment.resource()));
    if (experiment.stage != kActive) {
      return invalid("The experiment " + experiment_id + " must be in the 'active' state. Current state is " +
                     experiment.stage);
    }
    TRY(session.execute(
        "INSERT INTO runs (run_id, experiment, name, user_id, status, stage, start_time, author) "
        "VALUES (?, ?, ?, ?, 'RUNNING', ?, ?, ?)",
        {id, experiment.id, name, user, std::string(kActive), start, call.principal().name}));
    const Run run = TRY(run_by_id(session, id));
    for (const Pair& tag : tags) TRY(write_tag(session, run, tag));
    TRY(write_tag(session, run, {std::string(kRunNameTag), name}));
    return Json{{"run", TRY(run_out(session, TRY(run_by_id(session, id))))}};
  });
}

Result<Json> get_run(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(required_run(call, session, Verb::kRead));
    return Json{{"run", TRY(run_out(session, run))}};
  });
}

Result<Json> update_run(Call& call) {
  const Arguments& arguments = call.arguments();
  const std::string name = TRY(arguments.text_or("run_name", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    if (!name.empty()) TRY(write_tag(session, run, {std::string(kRunNameTag), name}));
    if (arguments.has("status")) {
      TRY(session.execute("UPDATE runs SET status = ? WHERE id = ?",
                          {TRY(status_in(arguments, "")), run.number}));
    }
    if (arguments.has("end_time")) {
      TRY(session.execute("UPDATE runs SET end_time = ? WHERE id = ?",
                          {TRY(arguments.integer("end_time")), run.number}));
    }
    return Json{{"run_info", run_info_out(TRY(run_by_id(session, run.run_id)))}};
  });
}

Result<Json> delete_run(Call& call) { return set_stage(call, kDeleted); }
Result<Json> restore_run(Call& call) { return set_stage(call, kActive); }

Result<Json> log_metric(Call& call) {
  const Metric metric = TRY(metric_in(call.arguments()));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(write_metric(session, TRY(writable_run(call, session)), metric));
    return Json::object();
  });
}

Result<Json> log_parameter(Call& call) {
  Pair param{.key = TRY(call.arguments().text("key"))};
  param.value = TRY(call.arguments().text_or("value", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(write_param(session, TRY(writable_run(call, session)), param));
    return Json::object();
  });
}

// All of it or nothing.
Result<Json> log_batch(Call& call) {
  const Arguments& arguments = call.arguments();
  std::vector<Metric> metrics;
  for (const Arguments& one : TRY(arguments.objects("metrics", limits::kBatchMetricsMax))) {
    metrics.push_back(TRY(metric_in(one)));
  }
  const auto params = TRY(pairs(arguments, "params", limits::kBatchParamsMax));
  const auto tags = TRY(pairs(arguments, "tags", limits::kBatchTagsMax));
  if (metrics.size() + params.size() + tags.size() > limits::kBatchEntitiesMax) {
    return invalid("A batch logging request can contain at most " +
                   std::to_string(limits::kBatchEntitiesMax) + " metrics, params and tags");
  }
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    for (const Pair& param : params) TRY(write_param(session, run, param));
    TRY(write_metrics(session, run, metrics));
    for (const Pair& tag : tags) TRY(write_tag(session, run, tag));
    return Json::object();
  });
}

Result<Json> set_tag(Call& call) {
  Pair tag{.key = TRY(call.arguments().text("key"))};
  tag.value = TRY(call.arguments().text_or("value", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(write_tag(session, TRY(writable_run(call, session)), tag));
    return Json::object();
  });
}

Result<Json> delete_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(writable_run(call, session));
    const auto gone =
        TRY(session.first("DELETE FROM tags WHERE run = ? AND key = ? RETURNING key", {run.number, key}));
    if (!gone) return not_found("No tag with name: " + shown(key) + " in run with id " + run.run_id);
    return Json::object();
  });
}

}  // namespace sallyport::services::tracking
