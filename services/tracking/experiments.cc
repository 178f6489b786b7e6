// Experiments: the folders of runs, and the names that grants are about.
#include "core/limits/tracking.h"
#include "services/tracking/entities.h"
#include "services/tracking/query.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr Searched::Attribute kExperimentAttributes[] = {
    {"name", "e.name"},
    {"creation_time", "e.created", true},
    {"last_update_time", "e.updated", true},
    {"experiment_id", "e.id", true},
};
constexpr Searched kExperiments{.what = "experiment",
                                .attributes = kExperimentAttributes,
                                .self = "e.id",
                                .owner = "experiment",
                                .tags = "experiment_tags"};

Result<Experiment> required_experiment(Call& call, Session& session, Verb verb) {
  const Experiment experiment = TRY(experiment_by_id(session, TRY(call.arguments().text("experiment_id"))));
  TRY(call.require(verb, experiment.resource()));
  return experiment;
}

Result<void> write_experiment_tag(Session& session, std::int64_t experiment, const Pair& tag) {
  TRY(check_key("tag", tag.key));
  TRY(check_value("tag", tag.key, tag.value, limits::kTagBytesMax));
  return session.execute(
      "INSERT INTO experiment_tags (experiment, key, value) VALUES (?, ?, ?) "
      "ON CONFLICT (experiment, key) DO UPDATE SET value = excluded.value",
      {experiment, tag.key, tag.value});
}

Result<void> check_free(Session& session, const std::string& name) {
  const auto taken = TRY(session.first("SELECT stage FROM experiments WHERE name = ?", {name}));
  if (!taken) return {};
  return already_exists("Experiment(name=" + name + ") already exists" +
                        (text_at(*taken, 0) == kDeleted ? " in deleted state" : ""));
}

// Artifacts are kept by this server: a location elsewhere would make it read, or its clients write, wherever
// the author of the experiment likes.
Result<void> check_location(const std::string& location) {
  if (location.empty()) return {};
  return invalid("Invalid artifact_location " + shown(location) +
                 ": this server keeps the artifacts itself, under " + std::string(kArtifactScheme));
}

Result<Json> set_stage(Call& call, std::string_view from, std::string_view to) {
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(required_experiment(call, session, Verb::kDelete));
    if (experiment.stage != from) {
      return invalid("The experiment " + std::to_string(experiment.id) + " is " + experiment.stage);
    }
    TRY(session.execute("UPDATE experiments SET stage = ?, updated = ? WHERE id = ?",
                        {std::string(to), call.now_ms(), experiment.id}));
    TRY(session.execute("UPDATE runs SET stage = ? WHERE experiment = ?", {std::string(to), experiment.id}));
    return Json::object();
  });
}

}  // namespace

Result<Json> create_experiment(Call& call) {
  const std::string name = TRY(call.arguments().text("name"));
  TRY(check_name("experiment", name));
  TRY(call.require(Verb::kWrite, {Kind::kExperiment, name}));
  TRY(check_location(TRY(call.arguments().text_or("artifact_location", ""))));
  const auto tags = TRY(pairs(call.arguments(), "tags", limits::kTagsPerCreationMax));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    TRY(check_free(session, name));
    const auto row = TRY(session.first(
        "INSERT INTO experiments (name, artifact_location, stage, created, updated) VALUES (?, '', ?, ?, ?) "
        "RETURNING id",
        {name, std::string(kActive), call.now_ms(), call.now_ms()}));
    const std::int64_t id = integer_at(row.value(), 0);
    TRY(session.execute("UPDATE experiments SET artifact_location = ? WHERE id = ?",
                        {std::string(kArtifactScheme) + std::to_string(id), id}));
    for (const Pair& tag : tags) TRY(write_experiment_tag(session, id, tag));
    return Json{{"experiment_id", std::to_string(id)}};
  });
}

Result<Json> get_experiment(Call& call) {
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(required_experiment(call, session, Verb::kRead));
    return Json{{"experiment", TRY(experiment_out(session, experiment))}};
  });
}

Result<Json> get_experiment_by_name(Call& call) {
  const std::string name = TRY(call.arguments().text("experiment_name"));
  TRY(call.require(Verb::kRead, {Kind::kExperiment, name}));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const auto row = TRY(session.first(
        "SELECT " + std::string(kExperimentColumns) + " FROM experiments e WHERE e.name = ?", {name}));
    if (!row) return not_found("Could not find experiment with name " + shown(name));
    return Json{{"experiment", TRY(experiment_out(session, experiment_in(*row, 0)))}};
  });
}

// The list holds what its reader may see, so it is cut into pages after that was sorted out.
Result<Json> search_experiments(Call& call) {
  const Arguments& arguments = call.arguments();
  call.filters_by_leave();
  const Page page = TRY(page_of(arguments, limits::kSearchResultsDefault, limits::kSearchResultsMax));
  Clause clause{.sql = "SELECT " + std::string(kExperimentColumns) + " FROM experiments e WHERE 1 = 1"};
  clause.add(TRY(stage_clause(TRY(arguments.text_or("view_type", "")), "e.stage")));
  TRY(add_conditions(clause, kExperiments, TRY(parse_filter(TRY(arguments.text_or("filter", ""))))));
  std::vector<Order> orders;
  for (const std::string& text : TRY(arguments.texts("order_by", limits::kOrderByMax))) {
    orders.push_back(TRY(parse_order(text)));
  }
  TRY(add_orders(clause, kExperiments, orders, "e.updated DESC, e.id DESC"));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Json found = Json::array();
    Json out = Json::object();
    std::int64_t seen = 0;
    for (const Row& row : TRY(session.query(clause.sql, clause.values))) {
      const Experiment experiment = experiment_in(row, 0);
      if (!call.may(Verb::kRead, experiment.resource())) continue;
      if (seen++ < page.offset) continue;
      if (std::ssize(found) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      found.push_back(TRY(experiment_out(session, experiment)));
    }
    out["experiments"] = std::move(found);
    return out;
  });
}

Result<Json> update_experiment(Call& call) {
  const std::string name = TRY(call.arguments().text("new_name"));
  TRY(check_name("experiment", name));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(required_experiment(call, session, Verb::kWrite));
    TRY(call.require(Verb::kWrite, {Kind::kExperiment, name}));
    if (experiment.stage != kActive) return invalid("Cannot rename experiment in non-active lifecycle stage");
    TRY(check_free(session, name));
    TRY(session.execute("UPDATE experiments SET name = ?, updated = ? WHERE id = ?",
                        {name, call.now_ms(), experiment.id}));
    return Json::object();
  });
}

Result<Json> delete_experiment(Call& call) { return set_stage(call, kActive, kDeleted); }
Result<Json> restore_experiment(Call& call) { return set_stage(call, kDeleted, kActive); }

Result<Json> set_experiment_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  const std::string value = TRY(call.arguments().text_or("value", ""));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(required_experiment(call, session, Verb::kWrite));
    TRY(write_experiment_tag(session, experiment.id, {key, value}));
    return Json::object();
  });
}

Result<Json> delete_experiment_tag(Call& call) {
  const std::string key = TRY(call.arguments().text("key"));
  return writing(call.store(), [&](Session& session) -> Result<Json> {
    const Experiment experiment = TRY(required_experiment(call, session, Verb::kWrite));
    const auto gone = TRY(session.first(
        "DELETE FROM experiment_tags WHERE experiment = ? AND key = ? RETURNING key", {experiment.id, key}));
    if (!gone) return not_found("No tag with name: " + shown(key) + " in the experiment");
    return Json::object();
  });
}

}  // namespace sallyport::services::tracking
