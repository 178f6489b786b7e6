// sallyport log witness: a witness of other people's logs, over HTTP.
#include "cli/command.h"
#include "cli/listening.h"
#include "cli/stop_signal.h"
#include "services/witness/service.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "root", .value = "DIR", .doc = "the folder that holds the witness's key and what it has seen"},
    {.name = "name", .value = "NAME", .doc = "what its cosignatures are signed as: witness.example/w1"},
    {.name = "log",
     .value = "VKEY",
     .doc = "a log that it witnesses, as `sallyport log vkey` prints it; may be given again",
     .repeats = true},
    {.name = "port", .value = "N", .doc = "the port; 0 takes any free one", .fallback = "5001"},
    {.name = "host", .value = "ADDRESS", .doc = "the address to listen on", .fallback = "127.0.0.1"},
    {.name = "tls-cert", .value = "PEM", .doc = "the certificate that it shows, with its chain"},
    {.name = "tls-key", .value = "PEM", .doc = "the certificate's private key, which no other may read"},
    {.name = "client-ca",
     .value = "PEM",
     .doc = "ask every client for a certificate that one of these vouches for"},
};

// Made at the first start.
Result<trust::PrivateKey> key_in(Env& env, const fs::path& root) {
  const fs::path file = root / "witness.key";
  if (env.exists(file)) return trust::load_private_key(env, file);
  TRY(make_directories_durably(env, root));
  const trust::PrivateKey key = TRY(trust::PrivateKey::generate(env));
  TRY(trust::save_key_pair(env, key, root, "witness"));
  return key;
}

void announce(Output& output, const trust::Witness& witness, const services::http::Server& server,
              const std::string& url) {
  if (output.is_json()) {
    output.event(
        {{"event", "ready"}, {"url", url}, {"port", server.port()}, {"vkey", witness.verifier_key()}});
    return;
  }
  output.note("for the logs' policy:  witness NAME " + witness.verifier_key() + " " + url);
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  for (const char* flag : {"root", "name", "log"}) {
    if (!arguments.has(flag)) {
      return output.usage(
          "log witness: --" + std::string(flag) + " is missing",
          "sallyport log witness --root w1 --name witness.example/w1 --log \"$(sallyport log vkey)\"");
    }
  }
  const std::int64_t port = arguments.number("port");
  if (port < 0 || port > 65535) return output.usage("--port: a number from 0 to 65535 was expected");
  if (arguments.has("tls-cert") != arguments.has("tls-key"))
    return output.usage("--tls-cert and --tls-key: one without the other");
  trust::WitnessOptions options;
  options.name = arguments.text("name");
  for (const std::string& text : arguments.all("log")) {
    const auto log = trust::parse_verifier_key(text);
    if (!log) return output.usage("--log: " + log.error().message);
    options.logs.push_back(*log);
  }
  Env& env = system_env();
  const fs::path root = fs::absolute(arguments.text("root"));
  const std::string host = arguments.text("host");
  trust::PrivateKey key = TRY(key_in(env, root));
  // Another witness may hold the folder: whoever waits for it can be stopped as usual.
  services::witness::Service service(TRY(trust::Witness::open(env, root, options, std::move(key))));
  const StopSignal signal;
  const auto tls = TRY(tls_of(arguments, root, host));
  const auto server = TRY(services::http::Server::start(service, {.host = host,
                                                                  .port = static_cast<std::uint16_t>(port),
                                                                  .connections_max = connections_max(),
                                                                  .tls = tls}));
  announce(output, service.witness(), *server, url_of(*server, tls.get(), host));
  signal.wait();
  server->stop();
  return Exit::kClean;
}

}  // namespace

extern const Command log_witness_command;
const Command log_witness_command{
    .name = "log witness",
    .summary = "witness logs for others: cosign each checkpoint that extends the last one seen",
    .example =
        "$ sallyport log witness --root w1 --name witness.example/w1 --log \"$(sallyport log vkey)\"\n"
        "for the logs' policy:  witness NAME witness.example/w1+88a1c2d3+BNaf... http://127.0.0.1:5001",
    .flags = kFlags,
    .run = run,
};

}  // namespace sallyport::cli
