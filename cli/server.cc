// sallyport server: MLflow's tracking API over one folder.
#include "cli/command.h"
#include "cli/listening.h"
#include "cli/stop_signal.h"
#include "services/http/hosts.h"
#include "services/http/tls.h"
#include "services/tracking/grants.h"
#include "services/tracking/service.h"
#include "services/witness/cosigner.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "root", .value = "DIR", .doc = "the folder that holds everything the server keeps"},
    {.name = "backend-store-uri",
     .value = "URL",
     .doc = "keep the tables in PostgreSQL, postgresql://USER@HOST/NAME, and not in the folder"},
    {.name = "port", .value = "N", .doc = "the port; 0 takes any free one", .fallback = "5000"},
    {.name = "host", .value = "ADDRESS", .doc = "the address to listen on", .fallback = "127.0.0.1"},
    {.name = "tls-cert", .value = "PEM", .doc = "the certificate that the server shows, with its chain"},
    {.name = "tls-key", .value = "PEM", .doc = "the certificate's private key, which no other may read"},
    {.name = "client-ca",
     .value = "PEM",
     .doc = "ask every client for a certificate that one of these vouches for"},
    {.name = "allow-anonymous", .doc = "let everybody on this machine do everything; on loopback alone"},
};

void announce(Output& output, const services::http::Server& server, const services::http::Tls* tls,
              const std::string& host) {
  const std::string url = url_of(server, tls, host);
  if (output.is_json()) {
    Json event{{"event", "ready"}, {"url", url}, {"port", server.port()}};
    if (tls != nullptr) event["certificate_sha256"] = tls->fingerprint();
    output.event(event);
    return;
  }
  if (tls != nullptr) output.note("certificate SHA-256 " + tls->fingerprint());
  output.note("MLFLOW_TRACKING_URI=" + url);
}

// Where .sallyport/log.policy names witnesses, they are asked whenever the registry's log has grown.
Result<std::unique_ptr<services::witness::Cosigner>> start_cosigner(const fs::path& root, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), root));
  auto policy = TRY(trust::load_witness_policy(workspace));
  if (!policy) return nullptr;
  return std::make_unique<services::witness::Cosigner>(
      workspace, std::move(*policy), services::witness::over_http(),
      [&output](const Result<services::witness::Cosigned>& cosigned) {
        if (!cosigned) {
          output.note("log: not cosigned: " + cosigned.error().message);
        } else if (!cosigned->met) {
          output.note("log: not cosigned: " + cosigned->missing);
        }
      });
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("root")) {
    return output.usage("server: --root is missing", "sallyport server --root mlruns --port 5000");
  }
  const std::int64_t port = arguments.number("port");
  if (port < 0 || port > 65535) return output.usage("--port: a number from 0 to 65535 was expected");
  const std::string host = arguments.text("host");
  const bool anonymous = arguments.has("allow-anonymous");
  if (anonymous && !services::http::is_loopback(host)) {
    return output.usage("--allow-anonymous: only on 127.0.0.1, not on " + host,
                        "leave one of --host and --allow-anonymous out");
  }
  if (arguments.has("tls-cert") != arguments.has("tls-key")) {
    return output.usage("--tls-cert and --tls-key: one without the other");
  }
  services::tracking::Backing backing;
  if (arguments.has("backend-store-uri")) {
    backing.database = TRY(services::postgres::parse_address(arguments.text("backend-store-uri")));
    backing.tell = [&output](const std::string& what) { output.note(what); };
  }
  const StopSignal signal;
  Env& env = system_env();
  const fs::path root = fs::absolute(arguments.text("root"));
  auto access = services::tracking::anybody();
  if (!anonymous) {
    auto rules = TRY(services::tracking::load_access(env, root / "policy.yaml"));
    access = services::tracking::granted(
        env, std::move(rules),
        [&output](const std::string& principal, const std::string& what) {
          output.note("alarm: principal " + shown(principal) + " went through " + what);
        },
        TRY(services::tracking::Uses::open(env, root / services::tracking::kUsesFile)));
  }
  const auto tls = TRY(tls_of(arguments, root, host));
  const auto service = TRY(services::tracking::Service::open(env, root, std::move(access), backing));
  const auto server = TRY(services::http::Server::start(*service, {.host = host,
                                                                   .port = static_cast<std::uint16_t>(port),
                                                                   .connections_max = connections_max(),
                                                                   .tls = tls}));
  announce(output, *server, tls.get(), host);
  const auto cosigner = TRY(start_cosigner(root, output));
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
        "$ sallyport server --root mlruns --host 0.0.0.0   # over TLS, with a certificate of its own\n"
        "$ sallyport server --root mlruns --backend-store-uri postgresql://ml@db.lan/ml?passfile=pass",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
