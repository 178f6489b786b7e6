// sallyport serve: the Open Inference Protocol in front of a model whose whole chain verifies.
#include "cli/command.h"
#include "cli/stop_signal.h"
#include "services/pipeline/runner.h"
#include "services/server/http.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "model", .value = "NAME", .doc = "the model, by alias (digits@champion) or version (digits@4)"},
    {.name = "port", .value = "N", .doc = "the port; 0 takes any free one", .fallback = "8080"},
    {.name = "host", .value = "ADDRESS", .doc = "the address to listen on", .fallback = "127.0.0.1"},
};

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("model")) {
    return output.usage("serve: --model is missing", "sallyport serve --model digits@champion");
  }
  const std::int64_t port = arguments.number("port");
  if (port < 0 || port > 65535) return output.usage("--port: a number from 0 to 65535 was expected");
  const StopSignal signal;
  Env& env = system_env();
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, arguments.workspace()));
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  services::server::VerifiedModel model = TRY(
      services::server::load_verified_model(workspace, arguments.text("model"), policy, env.now_unix_s()));
  const std::size_t links = model.chain.links.size();
  TRY(services::server::audit_first_key(workspace));
  const auto service =
      TRY(services::server::Service::start(env, std::move(model), policy, {.audit = workspace.audit()}));
  const auto server = TRY(services::server::Server::start(
      *service, {.host = arguments.text("host"), .port = static_cast<std::uint16_t>(port)}));
  const std::string url = "http://" + arguments.text("host") + ":" + std::to_string(server->port()) +
                          "/v2/models/" + service->model().name;
  if (output.is_json()) {
    output.event(Json{{"event", "ready"}, {"url", url}, {"port", server->port()}, {"links", links}});
  } else {
    output.note("serving " + arguments.text("model") + ", " + std::to_string(links) +
                " links verified: " + url);
  }
  signal.wait();
  server->stop();
  TRY(service->stop());
  const services::server::Counters counters = service->counters();
  if (output.is_json()) {
    output.json(Json{{"requests", counters.requests},
                     {"answered", counters.answered},
                     {"refused", counters.refused},
                     {"failed", counters.failed}});
  } else {
    output.line(std::to_string(counters.answered) + " answered, " + std::to_string(counters.refused) +
                " refused, " + std::to_string(counters.failed) + " failed");
  }
  return Exit::kClean;
}

}  // namespace

extern const Command serve_command;
const Command serve_command{
    .name = "serve",
    .summary = "serve a model over the Open Inference Protocol v2, if its whole chain verifies",
    .example =
        "$ sallyport serve --model digits@champion --port 8080\n"
        "$ curl http://127.0.0.1:8080/v2/models/digits",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
