// sallyport verify-signature: whether a model's directory is, file for file, what somebody signed.
#include "cli/command.h"
#include "core/env.h"
#include "core/limits/model_signature.h"
#include "trust/model_signature.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "public-key", .value = "PEM", .doc = "the signer's public key"},
    {.name = "certificate-chain", .value = "PEM", .doc = "the certificates that the signer's may come from"},
    {.name = "signature", .value = "FILE", .doc = "the signature"},
    {.name = "at",
     .value = "DATE",
     .doc = "when the signature is known to have existed; a certificate must have been valid then, not now"},
    {.name = "allow",
     .value = "PATH",
     .doc = "a path below DIR that may be there although it was not signed",
     .repeats = true},
};
constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the model's directory"}};

Result<trust::ModelTrust> read_trust(Env& env, const Arguments& arguments) {
  if (arguments.has("public-key")) {
    const fs::path path = arguments.text("public-key");
    const Bytes pem = TRY(env.read_file(path, limits::kKeyFileBytesMax));
    Result<trust::EcdsaPublicKey> key = trust::EcdsaPublicKey::from_pem(as_text(pem));
    // A key that cannot be read is the caller's mistake, not the model's.
    if (!key) {
      return fail(ErrorKind::kUnsupported, path.string() + ": " + key.error().message, key.error().hint);
    }
    return trust::ModelTrust(*key);
  }
  const fs::path path = arguments.text("certificate-chain");
  const Bytes pem = TRY(env.read_file(path, limits::kModelBundleBytesMax));
  auto roots = trust::Certificate::all_from_pem(as_text(pem));
  if (!roots) return fail(ErrorKind::kUnsupported, path.string() + ": " + roots.error().message);
  trust::TrustedCertificates out;
  out.roots = std::move(*roots);
  out.at_unix_s = env.now_unix_s();
  return trust::ModelTrust(std::move(out));
}

struct Answer {
  trust::SignedModel model = {};
  std::vector<std::string> differences = {};
};

Result<Answer> check(Env& env, const Arguments& arguments, const trust::ModelTrust& trust) {
  const fs::path signature = arguments.text("signature");
  Answer out;
  const Bytes bundle = TRY(env.read_file(signature, limits::kModelBundleBytesMax));
  Result<trust::SignedModel> model = trust::open_model_bundle(bundle, trust);
  if (!model) return within(signature.string(), model.error());
  out.model = std::move(*model);
  std::set<std::string> allowed;
  for (const std::string& path : arguments.all("allow")) {
    TRY(trust::check_relative_path(path));
    allowed.insert(path);
  }
  out.differences = TRY(trust::check_model(env, arguments.word("DIR"), out.model, signature, allowed));
  return out;
}

Exit refuse(const std::string& reason, const std::string& hint, Output& output) {
  output.result("refused: " + reason + "\n" + (hint.empty() ? "" : "  do   " + hint + "\n"),
                {{"verdict", "refused"}, {"reason", reason}});
  return Exit::kFindings;
}

void print(const Answer& answer, const std::string& directory, Output& output) {
  const std::size_t files = answer.model.files.size();
  const bool good = answer.differences.empty();
  std::string text = std::string(good ? "verified" : "refused") + ": " + directory + ", signed as " +
                     answer.model.name + " with " + with_separators(files) +
                     (files == 1 ? " file" : " files") + "\n";
  for (const std::string& line : answer.differences) text += "  " + line + "\n";
  output.result(text, {{"verdict", good ? "verified" : "refused"},
                       {"name", answer.model.name},
                       {"files", files},
                       {"differences", answer.differences}});
  if (good && !answer.model.tree) {
    output.note("the signature records no modes and no empty directories; a model with either is refused");
  }
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("signature") || arguments.has("public-key") == arguments.has("certificate-chain")) {
    return output.usage(
        "verify-signature: --signature and one of --public-key and --certificate-chain are needed");
  }
  Env& env = system_env();
  trust::ModelTrust trust = TRY(read_trust(env, arguments));
  if (arguments.has("at")) {
    auto* certificates = std::get_if<trust::TrustedCertificates>(&trust);
    const Result<std::int64_t> at = parse_time(arguments.text("at"));
    if (certificates == nullptr || !at) {
      return output.usage("verify-signature: --at takes a date, and goes with --certificate-chain");
    }
    certificates->at_unix_s = *at;
  }
  const Result<Answer> answer = check(env, arguments, trust);
  if (!answer) {
    if (says_nothing(answer.error().kind)) return std::unexpected(answer.error());
    return refuse(answer.error().message, answer.error().hint, output);
  }
  print(*answer, arguments.word("DIR"), output);
  return answer->differences.empty() ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command verify_signature_command;
const Command verify_signature_command{
    .name = "verify-signature",
    .summary = "hold a model's directory against its OpenSSF signature, file for file",
    .example =
        "$ sallyport verify-signature bert/ --public-key release.pub --signature bert.sig\n"
        "refused: bert/, signed as bert with 7 files\n"
        "  .git/hooks/post-checkout: was not signed\n"
        "  config.json: is not what was signed",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
