#include "drills/tracking.h"

#include <chrono>
#include <thread>

#include "services/tracking/artifacts.h"
#include "services/tracking/grants.h"

namespace sallyport::drills {
namespace {

namespace http = services::http;
namespace tracking = services::tracking;

constexpr std::string_view kApi = "/api/2.0/mlflow/";
constexpr int kGateWaits = 250;

std::string token_of(const std::string& who) { return "sp_" + who; }

http::Request request_of(const Asked& asked) {
  const std::size_t mark = asked.target.find('?');
  http::Request out{.method = asked.method, .path = asked.target.substr(0, mark), .query = "", .peer = ""};
  if (mark != std::string::npos) out.query = asked.target.substr(mark + 1);
  out.headers = {{"Content-Type", "application/json"}};
  if (!asked.who.empty()) out.headers.emplace_back("Authorization", "Bearer " + token_of(asked.who));
  out.body = as_bytes(asked.body);
  return out;
}

}  // namespace

Result<std::unique_ptr<tracking::Access>> access_of(World& world, const std::vector<std::string>& roles,
                                                    const std::vector<Member>& members,
                                                    const std::string& budget) {
  std::string text = "access:\n  roles:\n";
  for (const std::string& role : roles) text += "    " + role + "\n";
  text += "  principals:\n";
  for (const Member& member : members) {
    text += "    " + member.name + ": {roles: [" + member.role + "], tokens: [{sha256: '" +
            sha256(token_of(member.name)).hex() + "', expires: '2999-01-01'}]}\n";
  }
  text += "  budget: {" + (budget.empty() ? std::string("requests-per-minute: 1000000") : budget) + "}\n";
  TRY(world.write("policy.yaml", text));
  return tracking::granted(system_env(),
                           TRY(tracking::load_access(system_env(), world.root() / "policy.yaml")));
}

Result<TrackingServer> TrackingServer::open(const fs::path& root, std::unique_ptr<tracking::Access> access) {
  TrackingServer out;
  out.service_ = TRY(tracking::Service::open(system_env(), root, std::move(access)));
  return out;
}

http::Answer TrackingServer::ask(const Asked& asked) const { return service_->handle(request_of(asked)); }

std::string TrackingServer::text(const Asked& asked) const {
  http::Answer answer = ask(asked);
  if (answer.status != 200) return {};
  if (!answer.source) return answer.body;
  std::string out(answer.source_bytes, '\0');
  const auto got = answer.source->read({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
  return got && *got == out.size() ? out : "";
}

int TrackingServer::put(const std::string& who, const std::string& path, std::string_view bytes) const {
  http::Request request = request_of({who, "PUT", std::string(tracking::kArtifactRoute) + "/" + path, ""});
  http::Opened opened = service_->open(request);
  if (!opened.sink) return opened.refusal.status;
  if (!opened.sink->write(as_bytes(bytes))) return 500;
  return opened.sink->finish().status;
}

Json TrackingServer::call(const std::string& method, const std::string& route, const Json& body) const {
  const Asked asked{"", method, std::string(kApi) + route, body.is_null() ? "" : canonical(body)};
  return parse_json(text(asked)).value_or(Json::object());
}

Result<std::string> TrackingServer::new_experiment(const std::string& name) const {
  const Json made = call("POST", "experiments/create", {{"name", name}});
  if (!made.contains("experiment_id")) return invalid("the server made no experiment");
  return made["experiment_id"].get<std::string>();
}

Result<std::string> TrackingServer::new_run(const std::string& experiment) const {
  const Json made = call("POST", "runs/create", {{"experiment_id", experiment}});
  if (!made.contains("run")) return invalid("the server made no run");
  return made["run"]["info"]["run_id"].get<std::string>();
}

Result<void> TrackingServer::register_version(const std::string& model, const std::string& run,
                                              int version) const {
  call("POST", "registered-models/create", {{"name", model}});
  call("POST", "model-versions/create", {{"name", model}, {"source", "runs:/" + run + "/m"}});
  const std::string query = "model-versions/get?name=" + model + "&version=" + std::to_string(version);
  for (int i = 0; i < kGateWaits; ++i) {
    const Json got = call("GET", query);
    if (got.contains("model_version") && got["model_version"]["status"] == "READY") return {};
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return invalid("the version did not get ready");
}

}  // namespace sallyport::drills
