// meta-unauthorized-read enacted: an account that may look at one project's dashboard walks through run ids,
// asks for the traces, metrics, parameters and files of other projects, and pages through searches. The
// honest twin reads the aggregates of its own project with the same role.
#include "drills/tracking.h"

namespace sallyport::production::metadata_store {

extern const drills::Drill run_walk_drill;

namespace {

using drills::Asked;
using drills::TrackingServer;
using drills::World;
namespace tracking = services::tracking;

constexpr std::string_view kApi = "/api/2.0/mlflow/";
constexpr std::string_view kTrace = "the patient said that";
constexpr int kRuns = 12;

struct Plan {
  bool hostile = false;
  std::size_t asked = 0;
  std::size_t answered = 0;  // with 200 and something in it
  std::size_t leaked = 0;    // with something of another project
};

struct Furnished {
  std::string own_experiment;
  std::string own_run;
  std::string other_experiment;
  std::vector<std::string> other_runs;
};

Result<Furnished> furnish(const fs::path& root) {
  const TrackingServer server = TRY(TrackingServer::open(root, tracking::anybody()));
  Furnished out;
  out.own_experiment = TRY(server.new_experiment("dashboard"));
  out.own_run = TRY(server.new_run(out.own_experiment));
  out.other_experiment = TRY(server.new_experiment("clinic"));
  for (int i = 0; i < kRuns; ++i) {
    const std::string run = TRY(server.new_run(out.other_experiment));
    server.call("POST", "runs/set-tag", {{"run_id", run}, {"key", "trace"}, {"value", kTrace}});
    server.call("POST", "runs/log-parameter", {{"run_id", run}, {"key", "prompt"}, {"value", kTrace}});
    const std::string path = out.other_experiment + "/" + run + "/artifacts/embeddings.txt";
    if (server.put("", path, kTrace) != 200) return invalid("the server kept no artifact");
    out.other_runs.push_back(run);
  }
  server.call("POST", "runs/log-metric",
              {{"run_id", out.own_run}, {"key", "accuracy"}, {"value", 0.9}, {"timestamp", 1}});
  return out;
}

std::vector<Asked> walk(const Furnished& found) {
  const std::string api(kApi);
  std::vector<Asked> out;
  const auto get = [&](const std::string& target) { out.push_back({"viewer", "GET", target, ""}); };
  for (const std::string& run : found.other_runs) {
    get(api + "runs/get?run_id=" + run);
    get(api + "artifacts/list?run_id=" + run);
    get("/api/2.0/mlflow-artifacts/artifacts/" + found.other_experiment + "/" + run +
        "/artifacts/embeddings.txt");
  }
  get(api + "experiments/get?experiment_id=" + found.other_experiment);
  const Json search{{"experiment_ids", {found.other_experiment, found.own_experiment}},
                    {"max_results", 1000}};
  out.push_back({"viewer", "POST", api + "runs/search", canonical(search)});
  // Ids that nobody has, as a walker guesses them.
  for (int i = 0; i < 40; ++i) get(api + "runs/get?run_id=" + sha256(std::to_string(i)).hex().substr(0, 32));
  return out;
}

std::vector<Asked> dashboard(const Furnished& found) {
  const std::string api(kApi);
  return {
      {"viewer", "GET", api + "experiments/get?experiment_id=" + found.own_experiment, ""},
      {"viewer", "GET", api + "runs/get?run_id=" + found.own_run, ""},
      {"viewer", "GET", api + "metrics/get-history?run_id=" + found.own_run + "&metric_key=accuracy", ""},
      {"viewer", "POST", api + "runs/search", canonical(Json{{"experiment_ids", {found.own_experiment}}})}};
}

Result<void> attack(World& world) {
  world.state<Plan>().hostile = true;
  return {};
}
Result<void> honest(World& world) {
  world.state<Plan>().hostile = false;
  return {};
}

Result<void> run_plan(World& world, const std::string& folder, std::unique_ptr<tracking::Access> access) {
  const Furnished found = TRY(furnish(world.root() / folder));
  const TrackingServer server = TRY(TrackingServer::open(world.root() / folder, std::move(access)));
  Plan& plan = world.state<Plan>();
  const std::vector<Asked> requests = plan.hostile ? walk(found) : dashboard(found);
  plan.asked = requests.size();
  plan.answered = 0;
  plan.leaked = 0;
  for (const Asked& asked : requests) {
    const std::string text = server.text(asked);
    plan.answered += !text.empty();
    plan.leaked += text.find(kTrace) != std::string::npos || text.find("embeddings.txt") != std::string::npos;
  }
  return {};
}

Result<void> victim(World& world) { return run_plan(world, "open", tracking::anybody()); }
bool harmed(const World& world) { return world.state<Plan>().leaked > 0; }

Result<drills::Outcome> defend(World& world) {
  auto access = TRY(drills::access_of(world, {"viewer: [{may: [read], experiments: [dashboard]}]"},
                                      {{"viewer", "viewer"}}, "requests-per-minute: 600"));
  TRY(run_plan(world, "guarded", std::move(access)));
  const Plan& plan = world.state<Plan>();
  const bool refused = plan.hostile ? plan.leaked == 0 : plan.answered < plan.asked;
  return drills::Outcome{refused, std::to_string(plan.asked - plan.answered) + " of " +
                                      std::to_string(plan.asked) +
                                      " questions refused, no trace of another project "
                                      "given away"};
}

}  // namespace

constexpr drills::Drill run_walk_drill{
    .threat = "meta-unauthorized-read",
    .story =
        "an account that may see one dashboard walks through run ids and pulls traces, prompts and "
        "embeddings of "
        "another project",
    .honest_story = "the dashboard reads metrics of its own project with the same role",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .harm = "what people said to a model lies open to whoever has any account"};

}  // namespace sallyport::production::metadata_store
