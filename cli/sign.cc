// sallyport sign: the OpenSSF signature of a model's directory.
#include "cli/command.h"
#include "core/env.h"
#include "core/limits/model_signature.h"
#include "trust/model_signature.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "key", .value = "PEM", .doc = "the private key that signs: ECDSA on P-256, P-384 or P-521"},
    {.name = "out", .value = "FILE", .doc = "where the signature goes"},
    {.name = "hash", .value = "NAME", .doc = "sha256 or blake3, of each file", .fallback = "sha256"},
    {.name = "certificate", .value = "PEM", .doc = "the key's certificate, with any between it and the root"},
};
constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the model's directory"}};

constexpr unsigned kOthersWrite = 0022;
constexpr unsigned kOthersRead = 0044;

// Keys of other tools are often readable to all; that is worth a word, but does not make the signature wrong.
Result<trust::EcdsaPrivateKey> load_key(Env& env, const fs::path& path, Output& output) {
  const FileStatus status = TRY(env.status(path));
  if (status.kind == FileStatus::Kind::kFile && (status.mode & kOthersWrite) != 0) {
    return fail(ErrorKind::kDenied, path.string() + ": a private key that others can write",
                "make a new one; others may have put this one there");
  }
  if ((status.mode & kOthersRead) != 0) {
    output.note(path.string() + " can be read by others; run `chmod 600 " + path.string() + "`");
  }
  const Bytes pem = TRY(env.read_file(path, limits::kKeyFileBytesMax));
  Result<trust::EcdsaPrivateKey> key = trust::EcdsaPrivateKey::from_pem(as_text(pem));
  if (!key) return within(path.string(), key.error());
  return key;
}

std::string name_of(const fs::path& directory) {
  std::error_code error;
  const std::string name = fs::weakly_canonical(directory, error).filename().string();
  return name.empty() ? "model" : name;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("key") || !arguments.has("out")) {
    return output.usage("sign: --key and --out are needed",
                        "`sallyport keygen --algorithm ecdsa-p256 NAME` makes a key");
  }
  Env& env = system_env();
  const fs::path directory = arguments.word("DIR");
  const fs::path target = arguments.text("out");
  trust::ModelSigner signer{.key = TRY(load_key(env, arguments.text("key"), output))};
  if (arguments.has("certificate")) {
    const Bytes pem = TRY(env.read_file(arguments.text("certificate"), limits::kModelBundleBytesMax));
    signer.certificates = TRY(trust::Certificate::all_from_pem(as_text(pem)));
  }
  const Result<trust::FileHash> hash = trust::file_hash_named(arguments.text("hash"));
  if (!hash) return output.usage("--hash: sha256 or blake3 was expected");
  const trust::ModelFiles model = TRY(trust::list_model(env, directory, *hash));
  const std::string within_it = trust::path_within(directory, target);
  const Json statement = trust::model_statement(name_of(directory), model, within_it);
  const std::string bundle = TRY(trust::sign_model(statement, signer, env.now_unix_s()));
  TRY(write_durably(env, target, as_bytes(bundle)));
  const std::size_t files = statement["predicate"]["resources"].size();
  const std::string digest = statement["subject"][0]["digest"]["sha256"].get<std::string>();
  output.result("signed " + with_separators(files) + (files == 1 ? " file" : " files") + " of " +
                    directory.string() + " (sha256:" + digest + "): " + target.string() + "\n",
                {{"files", files}, {"digest", digest}, {"signature", target.string()}});
  return Exit::kClean;
}

}  // namespace

extern const Command sign_command;
const Command sign_command{
    .name = "sign",
    .summary = "sign a model's directory as OpenSSF Model Signing v1.0 says, for any of its verifiers",
    .example =
        "$ sallyport sign bert/ --key release.key --out bert.sig\n"
        "signed 7 files of bert/ (sha256:89a8...): bert.sig",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
