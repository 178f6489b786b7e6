// sallyport pull: a registered version from a server that is not believed.
#include <cstdlib>

#include "cli/command.h"
#include "cli/cosigned_within.h"
#include "core/limits/witness.h"
#include "services/http/fetch.h"
#include "services/tracking/pull.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "from", .value = "URL", .doc = "the server, as MLFLOW_TRACKING_URI has it"},
    {.name = "root", .value = "FILE", .doc = "the registry's root.json, which came to you another way"},
    {.name = "out", .value = "DIR", .doc = "where the version goes; must not exist"},
    {.name = "pin", .value = "FILE", .doc = "what was seen of the log last", .fallback = "beside the root"},
    {.name = "policy",
     .value = "FILE",
     .doc = "witnesses without whose cosignatures the log is not believed (C2SP tlog-policy)"},
    kCosignedWithin,
    {.name = "ca", .value = "PEM", .doc = "certificates to trust instead of the system's"},
};
constexpr Positional kPositionals[] = {{.name = "MODEL@VERSION", .doc = "a version's number, or an alias"}};

constexpr std::size_t kFileBytesMax = 4 * limits::kGiB;
constexpr unsigned kPatienceS = 3'600;

void print(const services::tracking::PullOptions& wanted, const services::tracking::Pulled& pulled,
           Output& output) {
  std::string by;
  for (const std::string& name : pulled.witnesses) by += (by.empty() ? ", cosigned by " : ", ") + name;
  output.result("pulled " + wanted.model + " version " + std::to_string(pulled.version) + ": " +
                    with_separators(pulled.files) + " files, " + bytes_text(pulled.bytes) +
                    ", sha256:" + pulled.manifest.brief() + "..., log of " +
                    with_separators(pulled.log_size) + " entries" + by + "\n",
                {{"verdict", "pulled"},
                 {"model", wanted.model},
                 {"version", pulled.version},
                 {"manifest", pulled.manifest.hex()},
                 {"files", pulled.files},
                 {"bytes", pulled.bytes},
                 {"log_size", pulled.log_size},
                 {"witnesses", pulled.witnesses}});
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string named = arguments.word("MODEL@VERSION");
  const std::size_t at = named.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == named.size()) {
    return output.usage("pull: '" + named + "' is not MODEL@VERSION");
  }
  for (const char* flag : {"from", "root", "out"}) {
    if (!arguments.has(flag)) {
      return output.usage(
          "pull: --" + std::string(flag) + " is missing",
          "sallyport pull digits@champion --from https://registry:5000 --root root.json --out digits");
    }
  }
  Env& env = system_env();
  const fs::path root_file = arguments.text("root");
  const trust::Root root = TRY(trust::Root::load(env, root_file));
  std::string base = arguments.text("from");
  while (base.ends_with('/')) base.pop_back();
  // A token on the command line would be seen by everybody on the machine.
  const char* token = std::getenv("SALLYPORT_TOKEN");
  const services::http::FetchOptions options{
      .bytes_max = kFileBytesMax,
      .bearer = token == nullptr ? "" : token,
      .roots = arguments.has("ca") ? fs::path(arguments.text("ca")) : fs::path(),
      .patience_s = kPatienceS};
  services::tracking::PullOptions wanted{
      .model = named.substr(0, at),
      .wanted = named.substr(at + 1),
      .to = arguments.text("out"),
      .pin = arguments.has("pin") ? fs::path(arguments.text("pin")) : fs::path(root_file.string() + ".pin")};
  if (arguments.has("policy")) {
    const Bytes text = TRY(env.read_file(arguments.text("policy"), limits::kWitnessPolicyBytesMax));
    wanted.witnesses = TRY(trust::parse_witness_policy(as_text(text)));
  }
  wanted.cosigned_age_max_s = cosigned_age_max_s(arguments);
  if (wanted.cosigned_age_max_s && !(wanted.witnesses && wanted.witnesses->quorum)) {
    return output.usage(
        "pull: --cosigned-within needs a --policy with a quorum: only witnesses can say how "
        "old a log is");
  }
  const auto pulled = services::tracking::pull(
      env, root, [&](const std::string& target) { return services::http::fetch(base + target, options); },
      wanted);
  if (!pulled) {
    if (pulled.error().kind != ErrorKind::kDenied) return std::unexpected(pulled.error());
    output.result("refused: " + pulled.error().message + "\n",
                  {{"verdict", "refused"}, {"reason", pulled.error().message}});
    return Exit::kFindings;
  }
  print(wanted, *pulled, output);
  return Exit::kClean;
}

}  // namespace

extern const Command pull_command;
const Command pull_command{
    .name = "pull",
    .summary = "fetch a registered version and believe no byte that was not signed and logged",
    .example =
        "$ SALLYPORT_TOKEN=sp_5d0c... sallyport pull digits@champion --from https://registry:5000 \\\n"
        "    --root root.json --out digits\n"
        "pulled digits version 4: 3 files, 1.2 MB, sha256:9f2c41aa0b77..., log of 37 entries",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
