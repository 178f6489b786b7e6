// sallyport server: MLflow's tracking API over one folder.
#include <sys/resource.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/stop_signal.h"
#include "services/http/tls.h"
#include "services/tracking/grants.h"
#include "services/tracking/service.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "root", .value = "DIR", .doc = "the folder that holds everything the server keeps"},
    {.name = "port", .value = "N", .doc = "the port; 0 takes any free one", .fallback = "5000"},
    {.name = "host", .value = "ADDRESS", .doc = "the address to listen on", .fallback = "127.0.0.1"},
    {.name = "tls-cert", .value = "PEM", .doc = "the certificate that the server shows, with its chain"},
    {.name = "tls-key", .value = "PEM", .doc = "the certificate's private key, which no other may read"},
    {.name = "client-ca",
     .value = "PEM",
     .doc = "ask every client for a certificate that one of these vouches for"},
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

// Off loopback always: tokens would cross the network in the clear. One's own certificate is made where none
// is named.
Result<std::shared_ptr<const services::http::Tls>> tls_of(const Arguments& arguments, const fs::path& root,
                                                          const std::string& host) {
  const bool named = arguments.has("tls-cert");
  if (!named && !arguments.has("client-ca") && is_loopback(host)) return nullptr;
  Env& env = system_env();
  services::http::TlsFiles files;
  if (named) {
    files = {.certificate = arguments.text("tls-cert"), .key = arguments.text("tls-key")};
  } else {
    files = TRY(services::http::self_signed(env, root / "tls", host));
  }
  if (arguments.has("client-ca")) files.client_ca = arguments.text("client-ca");
  return services::http::Tls::load(env, files);
}

void announce(Output& output, const services::http::Server& server, const services::http::Tls* tls,
              const std::string& host) {
  const std::string url = (tls == nullptr ? "http://" : "https://") +
                          (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" +
                          std::to_string(server.port());
  if (output.is_json()) {
    Json event{{"event", "ready"}, {"url", url}, {"port", server.port()}};
    if (tls != nullptr) event["certificate_sha256"] = tls->fingerprint();
    output.event(event);
    return;
  }
  if (tls != nullptr) output.note("certificate SHA-256 " + tls->fingerprint());
  output.note("MLFLOW_TRACKING_URI=" + url);
}

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
  if (arguments.has("tls-cert") != arguments.has("tls-key")) {
    return output.usage("--tls-cert and --tls-key: one without the other");
  }
  const StopSignal signal;
  Env& env = system_env();
  const fs::path root = fs::absolute(arguments.text("root"));
  auto access = services::tracking::anybody();
  if (!anonymous) {
    auto rules = TRY(services::tracking::load_access(env, root / "policy.yaml"));
    access = services::tracking::granted(
        env, std::move(rules), [&output](const std::string& principal, const std::string& what) {
          output.note("alarm: principal " + shown(principal) + " went through " + what);
        });
  }
  const auto tls = TRY(tls_of(arguments, root, host));
  const auto service = TRY(services::tracking::Service::open(env, root, std::move(access)));
  const auto server = TRY(services::http::Server::start(*service, {.host = host,
                                                                   .port = static_cast<std::uint16_t>(port),
                                                                   .connections_max = connections_max(),
                                                                   .tls = tls}));
  announce(output, *server, tls.get(), host);
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
        "$ sallyport server --root mlruns   # tokens and grants as mlruns/policy.yaml says\n"
        "$ sallyport server --root mlruns --host 0.0.0.0   # over TLS, with a certificate of its own",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
