// versions-acl-gap enacted: a contractor whose role reads every data set by a wildcard pushes rows into the
// official line: straight into the run behind it, by names that lead elsewhere, as a version of its own, by
// moving the protected alias, and by a policy in which a group inherits another. The honest twin is a
// maintainer whose release two others approve.
#include <algorithm>

#include "core/yaml.h"
#include "drills/tracking.h"
#include "services/tracking/grants.h"

namespace sallyport::experiment::versioned_data {

extern const drills::Drill dataset_grants_drill;

namespace {

using drills::Asked;
using drills::TrackingServer;
using drills::World;
namespace tracking = services::tracking;

constexpr std::string_view kApi = "/api/2.0/mlflow/";
constexpr std::string_view kRoute = "/api/2.0/mlflow-artifacts/artifacts";
constexpr std::string_view kPoison = "3,3,3,3,8\n";

struct Plan {
  bool hostile = false;
  std::size_t published = 0;  // writes that were accepted
  std::size_t wanted = 0;     // of the honest twin's
  std::size_t missed = 0;     // planted grants that the audit did not name
};

struct Official {
  std::string experiment;
  std::string run;    // behind version 1, sealed
  std::string draft;  // of the same line, open
};

Result<Official> furnish(const fs::path& root) {
  const TrackingServer server = TRY(TrackingServer::open(root, tracking::anybody()));
  Official out;
  out.experiment = TRY(server.new_experiment("digits-data"));
  out.run = TRY(server.new_run(out.experiment));
  out.draft = TRY(server.new_run(out.experiment));
  for (const std::string& run : {out.run, out.draft}) {
    if (server.put("", out.experiment + "/" + run + "/artifacts/m/rows.csv", "0,1,0,1,3\n") != 200) {
      return invalid("the server kept no rows");
    }
  }
  TRY(server.register_version("digits-data", out.run, 1));
  return out;
}

std::string alias_to(int version) {
  return R"({"name":"digits-data","alias":"champion","version":")" + std::to_string(version) + "\"}";
}

// The files, then what names them.
std::size_t push(const TrackingServer& server, const Official& official) {
  std::size_t accepted = 0;
  const std::string base = official.experiment + "/";
  for (const std::string& path :
       {base + official.draft + "/artifacts/m/rows.csv", base + official.run + "/artifacts/m/rows.csv",
        base + official.draft + "/artifacts/../artifacts/m/more.csv",
        std::string("versions/digits-data/1/rows.csv"),
        "0/../" + base + official.draft + "/artifacts/m/more.csv",
        base + official.draft + "/artifacts/m/..%2fmore.csv"}) {
    accepted += server.put("contractor", path, kPoison) == 200;
  }
  const std::string api(kApi);
  const std::string source = "runs:/" + official.draft + "/m";
  for (const Asked& asked :
       std::vector<Asked>{{"contractor", "POST", api + "model-versions/create",
                           R"({"name":"digits-data","source":")" + source + "\"}"},
                          {"contractor", "POST", api + "registered-models/alias", alias_to(1)},
                          {"contractor", "POST", api + "registered-models/rename",
                           R"({"name":"digits-data","new_name":"scratch"})"},
                          {"contractor", "POST", api + "runs/log-batch",
                           R"({"run_id":")" + official.draft + R"(","tags":[]})"},
                          {"contractor", "DELETE",
                           std::string(kRoute) + "/" + base + official.draft + "/artifacts/m/rows.csv", ""},
                          {"contractor", "POST", api + "runs/create",
                           R"({"experiment_id":")" + official.experiment + "\"}"}}) {
    accepted += server.ask(asked).status == 200;
  }
  return accepted;
}

// A release by the reviewed route; how many of its five steps were taken.
std::size_t release(const TrackingServer& server, const Official& official) {
  std::size_t accepted = 0;
  const std::string path = official.experiment + "/" + official.draft + "/artifacts/m/rows.csv";
  accepted += server.put("maintainer", path, "0,1,1,1,4\n") == 200;
  const std::string api(kApi);
  const auto ask = [&](const char* who, const std::string& route, const std::string& body) {
    return server.ask({who, "POST", api + route, body}).status == 200;
  };
  accepted += ask("maintainer", "model-versions/create",
                  R"({"name":"digits-data","source":"runs:/)" + official.draft + "/m\"}");
  accepted += !server.text({"contractor", "GET", api + "registered-models/get?name=digits-data", ""}).empty();
  // The first approval alone moves nothing; both say yes to what is ready.
  ask("lead", "registered-models/alias", alias_to(1));
  accepted += ask("auditor", "registered-models/alias", alias_to(1));
  accepted +=
      !server.text({"lead", "GET", api + "registered-models/alias?name=digits-data&alias=champion", ""})
           .empty();
  return accepted;
}
constexpr std::size_t kReleaseSteps = 5;

Result<void> run_plan(World& world, const std::string& folder, std::unique_ptr<tracking::Access> access) {
  const Official official = TRY(furnish(world.root() / folder));
  const TrackingServer server = TRY(TrackingServer::open(world.root() / folder, std::move(access)));
  Plan& plan = world.state<Plan>();
  plan.published = plan.hostile ? push(server, official) : 0;
  plan.wanted = plan.hostile ? 0 : release(server, official);
  return {};
}

Result<void> attack(World& world) {
  world.state<Plan>().hostile = true;
  return {};
}
Result<void> honest(World& world) {
  world.state<Plan>().hostile = false;
  return {};
}
Result<void> victim(World& world) { return run_plan(world, "open", tracking::anybody()); }
bool harmed(const World& world) { return world.state<Plan>().published > 0; }

// Grants as they creep in, each of which the audit must name; and a group that inherits, which the policy's
// grammar has no place for.
Result<std::size_t> missed_by_audit() {
  const Json planted = TRY(parse_yaml(
      "roles:\n  contractor: [{may: [read, write], models: ['*']}]\n"
      "  service: [{may: [write, promote], models: [digits-data]}]\n  orphan: [{may: [read], models: [x]}]\n"
      "principals:\n  ana: {roles: [contractor], tokens: [{sha256: '" +
          sha256("a").hex() + "', expires: '2001-01-01'}]}\n  bot: {roles: [service]}\n  old: {}\n",
      "planted"));
  const auto found = tracking::audit_access(TRY(tracking::parse_access(planted)), system_env().now_unix_s());
  std::size_t missed = 0;
  for (const char* words :
       {"contractor may more than read on every model", "service may both register and promote",
        "orphan is held by nobody", "of ana", "bot has no credentials", "old has no role"}) {
    missed += std::ranges::none_of(
        found, [&](const std::string& one) { return one.find(words) != std::string::npos; });
  }
  const Json nested =
      TRY(parse_yaml("roles:\n  contractor: [{inherits: [admin]}]\nprincipals: {}\n", "nested"));
  missed += tracking::parse_access(nested).has_value();
  return missed;
}

Result<drills::Outcome> defend(World& world) {
  auto access = TRY(drills::access_of(
      world,
      {"contractor: [{may: [read], models: ['digits*']}, {may: [read], experiments: ['digits*']}]",
       "maintainer: [{may: [read, write], models: [digits-data]}, {may: [read, write], experiments: "
       "[digits-data]}]",
       "approver: [{may: [read, promote], models: [digits-data]}]"},
      {{"contractor", "contractor"},
       {"maintainer", "maintainer"},
       {"lead", "approver"},
       {"auditor", "approver"}}));
  TRY(run_plan(world, "guarded", std::move(access)));
  Plan& plan = world.state<Plan>();
  plan.missed = TRY(missed_by_audit());
  if (!plan.hostile) {
    return drills::Outcome{plan.wanted < kReleaseSteps, "only " + std::to_string(plan.wanted) + " of " +
                                                            std::to_string(kReleaseSteps) +
                                                            " steps of a release"};
  }
  return drills::Outcome{plan.published == 0 && plan.missed == 0,
                         "twelve ways to push refused, and every planted grant named by the audit"};
}

}  // namespace

constexpr drills::Drill dataset_grants_drill{.threat = "versions-acl-gap",
                                             .story =
                                                 "a contractor who may read by a wildcard pushes rows into "
                                                 "the official data set by files, names, versions, "
                                                 "aliases and an inherited group",
                                             .honest_story = "a maintainer's release that two others approve",
                                             .attack = attack,
                                             .honest = honest,
                                             .victim = victim,
                                             .harmed = harmed,
                                             .defend = defend,
                                             .harm = "rows that nobody reviewed are in the official line"};

}  // namespace sallyport::experiment::versioned_data
