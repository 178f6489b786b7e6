// sallyport log cosign: gets the witnesses' cosignatures on this log's newest checkpoint.
#include "cli/command.h"
#include "cli/stop_signal.h"
#include "services/witness/cosigner.h"

namespace sallyport::cli {
namespace {

using services::witness::Cosigned;
using services::witness::Reply;

constexpr Flag kFlags[] = {
    {.name = "watch", .doc = "stay, and ask again whenever the log has grown"},
    {.name = "ca", .value = "PEM", .doc = "certificates to trust instead of the system's"},
};

std::string text_of(const Cosigned& cosigned) {
  std::string out = std::string(cosigned.met ? "cosigned: " : "not cosigned: ") +
                    std::to_string(cosigned.size) + (cosigned.size == 1 ? " entry\n" : " entries\n");
  for (const Reply& reply : cosigned.replies) {
    const char* word = reply.cosigned ? "ok  " : reply.contradicts ? "FAIL" : "none";
    out += "  " + std::string(word) + " " + reply.witness + (reply.cosigned ? "" : ": " + reply.why) + "\n";
  }
  if (!cosigned.met) out += "  why  " + cosigned.missing + "\n";
  return out;
}

Result<Exit> watch(const trust::Workspace& workspace, const trust::WitnessPolicy& policy,
                   const services::witness::Ask& ask, Output& output) {
  const StopSignal signal;
  const services::witness::Cosigner cosigner(workspace, policy, ask,
                                             [&output](const Result<Cosigned>& cosigned) {
                                               if (!cosigned) {
                                                 output.error(cosigned.error());
                                               } else if (output.is_json()) {
                                                 output.event(to_json(*cosigned));
                                               } else {
                                                 std::string text = text_of(*cosigned);
                                                 text.pop_back();
                                                 output.note(text);
                                               }
                                             });
  signal.wait();
  return Exit::kClean;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), arguments.workspace()));
  const auto policy = TRY(trust::load_witness_policy(workspace));
  if (!policy) {
    return fail(ErrorKind::kNotFound, trust::witness_policy_file(workspace).string() + ": there is no policy",
                "write one: lines `witness NAME VKEY URL` and `quorum NAME`; `sallyport help log witness` "
                "runs a witness");
  }
  const auto ask =
      services::witness::over_http(arguments.has("ca") ? fs::path(arguments.text("ca")) : fs::path());
  if (arguments.has("watch")) return watch(workspace, *policy, ask, output);
  const Cosigned cosigned = TRY(services::witness::cosign_log(workspace, *policy, ask));
  output.result(text_of(cosigned), to_json(cosigned));
  return cosigned.met ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command log_cosign_command;
const Command log_cosign_command{
    .name = "log cosign",
    .summary = "ask the witnesses of .sallyport/log.policy to cosign the log as it stands",
    .example =
        "$ sallyport log cosign\n"
        "cosigned: 37 entries\n"
        "  ok   w1\n"
        "  ok   w2",
    .flags = kFlags,
    .run = run,
};

}  // namespace sallyport::cli
