// What is asked about runs: searches with MLflow's filters, and the history of a metric.
#include "core/limits/tracking.h"
#include "services/tracking/entities.h"
#include "services/tracking/query.h"
#include "services/tracking/routes.h"

namespace sallyport::services::tracking {
namespace {

constexpr Searched::Attribute kRunAttributes[] = {
    {"run_id", "r.run_id"},
    {"run_name", "r.name"},
    {"run name", "r.name"},
    {"Run name", "r.name"},
    {"Run Name", "r.name"},
    {"user_id", "r.user_id"},
    {"status", "r.status"},
    {"start_time", "r.start_time", true},
    {"created", "r.start_time", true},
    {"Created", "r.start_time", true},
    {"end_time", "r.end_time", true},
    {"experiment_id", "r.experiment", true},
};
constexpr Searched kRuns{.what = "run",
                         .attributes = kRunAttributes,
                         .self = "r.id",
                         .owner = "run",
                         .metrics = "latest_metrics",
                         .params = "params",
                         .tags = "tags",
                         .datasets = "dataset_inputs"};

}  // namespace

Result<Json> search_runs(Call& call) {
  const Arguments& arguments = call.arguments();
  const Page page = TRY(page_of(arguments, limits::kSearchResultsDefault, limits::kSearchResultsMax));
  const auto experiments = TRY(arguments.texts("experiment_ids", limits::kSearchExperimentsMax));
  if (experiments.empty()) {
    call.filters_by_leave();
    return Json::object();
  }
  const auto conditions = TRY(parse_filter(TRY(arguments.text_or("filter", ""))));
  std::vector<Order> orders;
  for (const std::string& text : TRY(arguments.texts("order_by", limits::kOrderByMax))) {
    orders.push_back(TRY(parse_order(text)));
  }
  const std::string stage = TRY(stage_clause(TRY(arguments.text_or("run_view_type", "")), "r.stage"));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    Clause clause{.sql = "SELECT " + std::string(kRunColumns) +
                         " FROM runs r JOIN experiments e ON e.id = r.experiment WHERE r.experiment IN ("};
    for (std::size_t i = 0; i < experiments.size(); ++i) {
      const Experiment experiment = TRY(experiment_by_id(session, experiments[i]));
      TRY(call.require(Verb::kRead, experiment.resource()));
      clause.add(i == 0 ? "?" : ", ?", experiment.id);
    }
    clause.add(")" + stage);
    TRY(add_conditions(clause, kRuns, conditions));
    TRY(add_orders(clause, kRuns, orders, "r.start_time DESC, r.run_id"));
    clause.add(" LIMIT ?", page.count + 1);
    clause.add(" OFFSET ?", page.offset);
    Json runs = Json::array();
    Json out = Json::object();
    for (const Row& row : TRY(session.query(clause.sql, clause.values))) {
      if (std::ssize(runs) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      runs.push_back(TRY(run_out(session, run_in(row))));
    }
    out["runs"] = std::move(runs);
    return out;
  });
}

Result<Json> get_metric_history(Call& call) {
  const Arguments& arguments = call.arguments();
  const std::string key = TRY(arguments.text("metric_key"));
  const Page page = TRY(page_of(arguments, limits::kHistoryResultsMax, limits::kHistoryResultsMax));
  return reading(call.store(), [&](Session& session) -> Result<Json> {
    const Run run = TRY(required_run(call, session, Verb::kRead));
    Json metrics = Json::array();
    Json out = Json::object();
    for (const Row& row :
         TRY(session.query("SELECT value, is_nan, timestamp, step FROM metrics WHERE run = ? "
                           "AND key = ? ORDER BY timestamp, step, value LIMIT ? OFFSET ?",
                           {run.number, key, page.count + 1, page.offset}))) {
      if (std::ssize(metrics) == page.count) {
        out["next_page_token"] = page_token(page.offset + page.count);
        break;
      }
      metrics.push_back(metric_out({key, value_in(row, 0, 1), integer_at(row, 2), integer_at(row, 3), {}}));
    }
    out["metrics"] = std::move(metrics);
    return out;
  });
}

}  // namespace sallyport::services::tracking
