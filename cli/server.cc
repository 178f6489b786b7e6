// sallyport server: MLflow's tracking API over one folder.
#include <sys/resource.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/stop_signal.h"
#include "services/tracking/grants.h"
#include "services/tracking/service.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "root", .value = "DIR", .doc = "the folder that holds everything the server keeps"},
    {.name = "port", .value = "N", .doc = "the port; 0 takes any free one", .fallback = "5000"},
    {.name = "host", .value = "ADDRESS", .doc = "the address to listen on", .fallback = "127.0.0.1"},
    {.name = "allow-anonymous", .doc = "let everybody on this machine do everything; on loopback alone"},
};

// Ten thousand connections that say nothing must leave room for one that does.
constexpr int kConnectionsMax = 20'000;
constexpr rlim_t kOtherFilesMax = 1'000;

// As many as the machine allows this process to hold, up to kConnectionsMax.
int connections_max() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return services::http::Options{}.connections_max;
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, kConnectionsMax + kOtherFilesMax);
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) return services::http::Options{}.connections_max;
  return static_cast<int>(limit.rlim_cur - std::min(limit.rlim_cur / 2, kOtherFilesMax));
}

bool is_loopback(const std::string& host) { return host == "::1" || host.starts_with("127."); }

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("root")) {
    return output.usage("server: --root is missing", "sallyport server --root mlruns --port 5000");
  }
  const std::int64_t port = arguments.number("port");
  if (port < 0 || port > 65535) return output.usage("--port: a number from 0 to 65535 was expected");
  const std::string host = arguments.text("host");
  const bool anonymous = arguments.has("allow-anonymous");
  if (anonymous && !is_loopback(host)) {
    return output.usage("--allow-anonymous: only on 127.0.0.1, not on " + host,
                        "leave one of --host and --allow-anonymous out");
  }
  // Tokens would cross the network in the clear.
  if (!is_loopback(host)) {
    return output.usage("--host " + host + ": this server speaks no TLS yet, so it listens on loopback alone",
                        "put a proxy that ends TLS in front of 127.0.0.1");
  }
  const StopSignal signal;
  Env& env = system_env();
  const fs::path root = fs::absolute(arguments.text("root"));
  auto access = services::tracking::anybody();
  if (!anonymous) {
    auto rules = TRY(services::tracking::load_access(env, root / "policy.yaml"));
    access = services::tracking::granted(env, std::move(rules));
  }
  const auto service = TRY(services::tracking::Service::open(env, root, std::move(access)));
  const auto server =
      TRY(services::http::Server::start(*service, {.host = host,
                                                   .port = static_cast<std::uint16_t>(port),
                                                   .connections_max = connections_max()}));
  const std::string url = "http://" + host + ":" + std::to_string(server->port());
  if (output.is_json()) {
    output.event(Json{{"event", "ready"}, {"url", url}, {"port", server->port()}});
  } else {
    output.note("MLFLOW_TRACKING_URI=" + url);
  }
  signal.wait();
  server->stop();
  return Exit::kClean;
}

}  // namespace

extern const Command server_command;
const Command server_command{
    .name = "server",
    .summary = "serve MLflow's tracking API over one folder, for unmodified MLflow clients",
    .example =
        "$ sallyport server --root mlruns --port 5000 --allow-anonymous\n"
        "$ MLFLOW_TRACKING_URI=http://127.0.0.1:5000 python3 train.py\n"
        "$ sallyport server --root mlruns   # tokens and grants as mlruns/policy.yaml says",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
