// sallyport log check-proof: whether a receipt holds, offline.
#include "cli/command.h"
#include "cli/cosigned_within.h"
#include "core/limits/witness.h"
#include "services/witness/receipt.h"
#include "trust/chain.h"

namespace sallyport::cli {
namespace {

using services::witness::Receipted;

constexpr Flag kFlags[] = {
    {.name = "policy", .value = "FILE", .doc = "which logs and how many witnesses to believe"},
    {.name = "root",
     .value = "FILE",
     .doc = "a root.json: its log keys count, and who signed is judged by it"},
    {.name = "artifact", .value = "PATH", .doc = "what the attestation must be about"},
    kCosignedWithin,
};
constexpr Positional kPositionals[] = {{.name = "RECEIPT", .doc = "what `sallyport log prove` wrote"}};

struct Checked {
  Receipted receipt;
  std::vector<std::string> signers = {};  // empty when no root says whose the keys are
};

Result<void> check_about(const trust::Statement& statement, const fs::path& path) {
  const Digest digest = TRY(trust::digest_of_path(system_env(), path));
  for (const trust::NamedDigest& subject : statement.subjects) {
    if (subject.digest == digest) return {};
  }
  return fail(ErrorKind::kDenied,
              "the attestation is not about " + path.string() + " (sha256:" + digest.brief() + "...)");
}

Result<Checked> check(const Arguments& arguments) {
  Env& env = system_env();
  std::optional<trust::Root> root;
  if (arguments.has("root")) root = TRY(trust::Root::load(env, arguments.text("root")));
  trust::WitnessPolicy policy;
  if (arguments.has("policy")) {
    const fs::path file = arguments.text("policy");
    auto parsed =
        trust::parse_witness_policy(as_text(TRY(env.read_file(file, limits::kWitnessPolicyBytesMax))));
    if (!parsed) return within(file.string(), parsed.error());
    policy = std::move(*parsed);
  }
  trust::PolicyOptions options{.now_unix_s = env.now_unix_s()};
  std::vector<trust::PublicKey> keys;
  if (root) {
    TRY(root->check_unexpired(options.now_unix_s));
    keys = root->keys_of(trust::role::kLog);
    options.keys = &keys;
    options.origin = root->log_origin();
  }
  options.age_max_s = cosigned_age_max_s(arguments);
  const Bytes file = TRY(env.read_file(arguments.word("RECEIPT"), limits::kTlogProofBytesMax));
  Checked out{.receipt = TRY(services::witness::check_receipt(as_text(file), policy, options))};
  if (arguments.has("artifact")) TRY(check_about(out.receipt.statement, arguments.text("artifact")));
  if (!root) return out;
  for (const std::string& keyid : TRY(trust::verify_signatures(out.receipt.envelope, *root)))
    out.signers.push_back(root->name_of_key(keyid));
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ", ") + word;
  return out;
}

std::string text_of(const Checked& checked) {
  const Receipted& receipt = checked.receipt;
  std::string out = "logged: #" + std::to_string(receipt.index) + " of " + receipt.by.checkpoint.origin +
                    ", " + receipt.statement.predicate_type + "\n";
  for (const trust::NamedDigest& subject : receipt.statement.subjects)
    out += "  about  " + subject.name + " sha256:" + subject.digest.hex() + "\n";
  out +=
      "  signed by  " + (checked.signers.empty() ? "not judged: no --root" : joined(checked.signers)) + "\n";
  out += "  cosigned by  " +
         (receipt.by.witnesses.empty()
              ? "nobody, which the policy allows"
              : joined(receipt.by.witnesses) + ", last at " + format_time(receipt.by.newest_unix_s)) +
         "\n";
  return out;
}

Json json_of(const Checked& checked) {
  const Receipted& receipt = checked.receipt;
  Json subjects = Json::array();
  for (const trust::NamedDigest& subject : receipt.statement.subjects)
    subjects.push_back({{"name", subject.name}, {"sha256", subject.digest.hex()}});
  return {{"verdict", "logged"},
          {"origin", receipt.by.checkpoint.origin},
          {"index", receipt.index},
          {"size", receipt.by.checkpoint.size},
          {"predicateType", receipt.statement.predicate_type},
          {"subjects", std::move(subjects)},
          {"predicate", receipt.statement.predicate},
          {"signers", checked.signers},
          {"witnesses", receipt.by.witnesses}};
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("policy") && !arguments.has("root")) {
    return output.usage("log check-proof: neither --policy nor --root says whom to believe",
                        "sallyport log check-proof gate.tlog-proof --policy log.policy");
  }
  const Result<Checked> checked = check(arguments);
  if (!checked) {
    if (says_nothing(checked.error().kind)) return std::unexpected(checked.error());
    output.result("refused: " + visible(checked.error().message) + "\n",
                  {{"verdict", "refused"}, {"reason", checked.error().message}});
    return Exit::kFindings;
  }
  output.result(text_of(*checked), json_of(*checked));
  return Exit::kClean;
}

}  // namespace

extern const Command log_check_proof_command;
const Command log_check_proof_command{
    .name = "log check-proof",
    .summary = "check a receipt offline: is the attestation in a log that the policy believes",
    .example =
        "$ sallyport log check-proof gate.tlog-proof --policy log.policy --root root.json\n"
        "logged: #12 of sallyport.dev/log, https://sallyport.dev/gate/v1\n"
        "  about  model sha256:9f2c41aa0b77...\n"
        "  signed by  runner\n"
        "  cosigned by  w1, w2, last at 2026-11-29T15:20:11Z",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
