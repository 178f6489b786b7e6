// registry-weak-authz enacted on the registry's own routes: five roles try eight verbs with raw requests, in
// spellings that confuse a path or a method, and with a token that has expired; whoever only reads wants to
// publish, promote and delete.
#include <chrono>
#include <thread>

#include "core/json.h"
#include "drills/drill.h"
#include "services/tracking/grants.h"
#include "services/tracking/service.h"

namespace sallyport::production::model_registry {

extern const drills::Drill role_matrix_drill;

namespace {

using drills::World;
namespace http = services::http;
namespace tracking = services::tracking;

constexpr std::string_view kApi = "/api/2.0/mlflow/";
constexpr int kGateWaits = 250;

struct Verb {
  std::string_view name;
  std::string_view method;
  std::string_view route;
  std::string_view body;
};
// What changes the most comes last, so that an honest row of verbs finds what it is about.
constexpr Verb kVerbs[] = {
    {"read", "GET", "registered-models/get?name=digits", ""},
    {"download", "GET", "model-versions/get-download-uri?name=digits&version=1", ""},
    {"tag", "POST", "registered-models/set-tag", R"({"name":"digits","key":"tier","value":"1"})"},
    {"describe", "PATCH", "model-versions/update", R"({"name":"digits","version":"1","description":"x"})"},
    {"stage", "POST", "model-versions/transition-stage",
     R"({"name":"digits","version":"1","stage":"Staging"})"},
    {"promote", "POST", "registered-models/alias", R"({"name":"digits","alias":"best","version":"1"})"},
    {"demote", "DELETE", "registered-models/alias", R"({"name":"digits","alias":"best"})"},
    {"delete", "DELETE", "registered-models/delete", R"({"name":"digits"})"},
};

struct Role {
  std::string_view name;
  std::string_view grants;
  std::string_view verbs;  // those of kVerbs that it may, by name
  std::string_view expires = "2999-01-01";
};
constexpr Role kRoles[] = {
    {"viewer", "[{may: [read], models: [digits]}]", "read download"},
    {"trainer", "[{may: [read, write], models: ['digi*']}]", "read download tag describe"},
    {"stranger", "[{may: [read, write, delete, promote], models: [letters]}]", ""},
    {"former", "[{may: [read, write, delete, promote], models: [digits]}]", "", "2001-01-01"},
    {"approver", "[{may: [read, write, promote, delete], models: [digits]}]",
     "read download tag describe stage promote demote delete"},
};

std::string token_of(std::string_view role) { return "sp_" + std::string(role); }

bool may(const Role& role, std::string_view verb) {
  return (" " + std::string(role.verbs) + " ").find(" " + std::string(verb) + " ") != std::string::npos;
}

struct Asked {
  std::string who;
  std::string method;
  std::string target;
  std::string body;
};
struct Plan {
  bool hostile = false;
  std::vector<Asked> requests = {};
  std::size_t answered = 0;  // with 200
};

http::Answer ask(tracking::Service& service, const Asked& asked) {
  const std::size_t mark = asked.target.find('?');
  http::Request request{
      .method = asked.method, .path = asked.target.substr(0, mark), .query = "", .peer = ""};
  if (mark != std::string::npos) request.query = asked.target.substr(mark + 1);
  request.headers = {{"Content-Type", "application/json"}};
  if (!asked.who.empty()) request.headers.emplace_back("Authorization", "Bearer " + token_of(asked.who));
  request.body = as_bytes(asked.body);
  return service.handle(request);
}

Asked request_of(const Role& role, const Verb& verb) {
  return {std::string(role.name), std::string(verb.method), std::string(kApi) + std::string(verb.route),
          std::string(verb.body)};
}

// Every cell that the policy does not allow, each also in the spellings that other servers fell for.
Result<void> attack(World& world) {
  Plan& plan = world.state<Plan>();
  plan.hostile = true;
  for (const Role& role : kRoles) {
    for (const Verb& verb : kVerbs) {
      if (may(role, verb.name)) continue;
      const Asked plain = request_of(role, verb);
      plan.requests.push_back(plain);
      Asked other = plain;
      other.method = other.method == "GET" ? "POST" : "GET";
      plan.requests.push_back(other);
      for (const char* spelling :
           {"/api/2.0/mlflow//", "/api/2.0/./mlflow/", "/API/2.0/mlflow/", "/api/2.0/%6dlflow/",
            "/health/../api/2.0/mlflow/", "/ajax-api/2.0/mlflow/"}) {
        other = plain;
        other.target = spelling + std::string(verb.route);
        plan.requests.push_back(other);
      }
    }
  }
  for (const Verb& verb : kVerbs) {
    Asked nobody = request_of(kRoles[0], verb);
    nobody.who.clear();
    plan.requests.push_back(nobody);
  }
  return {};
}

Result<void> honest(World& world) {
  Plan& plan = world.state<Plan>();
  for (const Role& role : kRoles) {
    for (const Verb& verb : kVerbs) {
      if (may(role, verb.name)) plan.requests.push_back(request_of(role, verb));
    }
  }
  return {};
}

// A registry with one version of one model that is ready.
Result<void> furnish(const fs::path& root) {
  const auto service = TRY(tracking::Service::open(system_env(), root, tracking::anybody()));
  const auto call = [&](const std::string& method, const std::string& route, const std::string& body) {
    const http::Answer answer = ask(*service, {"", method, std::string(kApi) + route, body});
    return parse_json(answer.body).value_or(Json::object());
  };
  const Json run = call("POST", "runs/create", R"({"experiment_id":"0"})");
  if (!run.contains("run")) return invalid("the registry made no run");
  const std::string id = run["run"]["info"]["run_id"];
  const http::Request upload{.method = "PUT",
                             .path = "/api/2.0/mlflow-artifacts/artifacts/0/" + id + "/artifacts/m/MLmodel",
                             .query = "",
                             .peer = ""};
  const http::Opened opened = service->open(upload);
  if (!opened.sink) return invalid("the registry took no artifact");
  TRY(opened.sink->write(as_bytes("flavors: {}\n")));
  if (opened.sink->finish().status != 200) return invalid("the registry kept no artifact");
  call("POST", "registered-models/create", R"({"name":"digits"})");
  call("POST", "model-versions/create", R"({"name":"digits","source":"runs:/)" + id + R"(/m"})");
  for (int i = 0; i < kGateWaits; ++i) {
    const Json got = call("GET", "model-versions/get?name=digits&version=1", "");
    if (got.contains("model_version") && got["model_version"]["status"] == "READY") return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return invalid("the version did not get ready");
}

Result<void> run_plan(World& world, const std::string& folder, std::unique_ptr<tracking::Access> access) {
  const fs::path root = world.root() / folder;
  TRY(furnish(root));
  const auto service = TRY(tracking::Service::open(system_env(), root, std::move(access)));
  Plan& plan = world.state<Plan>();
  plan.answered = 0;
  for (const Asked& asked : plan.requests) plan.answered += ask(*service, asked).status == 200;
  return {};
}

Result<void> victim(World& world) { return run_plan(world, "open", tracking::anybody()); }
bool harmed(const World& world) {
  const Plan& plan = world.state<Plan>();
  return plan.hostile && plan.answered > 0;
}

Result<drills::Outcome> defend(World& world) {
  std::string text = "access:\n  roles:\n";
  for (const Role& role : kRoles)
    text += "    " + std::string(role.name) + ": " + std::string(role.grants) + "\n";
  text += "  principals:\n";
  for (const Role& role : kRoles) {
    text += "    " + std::string(role.name) + ": {roles: [" + std::string(role.name) +
            "], tokens: [{sha256: '" + sha256(token_of(role.name)).hex() + "', expires: '" +
            std::string(role.expires) + "'}]}\n";
  }
  text += "  budget: {requests-per-minute: 1000000}\n";
  TRY(world.write("policy.yaml", text));
  tracking::AccessRules rules = TRY(tracking::load_access(system_env(), world.root() / "policy.yaml"));
  TRY(run_plan(world, "guarded", tracking::granted(system_env(), std::move(rules))));
  const Plan& plan = world.state<Plan>();
  const std::size_t total = plan.requests.size();
  const bool refused = plan.hostile ? plan.answered == 0 : plan.answered < total;
  return drills::Outcome{refused, std::to_string(total - plan.answered) + " of " + std::to_string(total) +
                                      " requests of five roles refused"};
}

}  // namespace

constexpr drills::Drill role_matrix_drill{
    .threat = "registry-weak-authz",
    .story = "accounts that should only read, an outsider and an expired token publish, promote and delete",
    .honest_story = "each of five roles does all that the policy allows it",
    .attack = attack,
    .honest = honest,
    .victim = victim,
    .harmed = harmed,
    .defend = defend,
    .harm = "a stolen account of low value changes what production loads"};

}  // namespace sallyport::production::model_registry
