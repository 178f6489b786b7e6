// sallyport sign-pack: an organisation's own rules for what pickles may use, signed for `scan --packs`.
#include "cli/command.h"
#include "core/env.h"
#include "services/scan/packs.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {{.name = "key", .value = "PEM", .doc = "the private key that signs"}};
constexpr Positional kPositionals[] = {
    {.name = "FILE", .doc = "the pack, NAME.yaml; NAME.pack.json is written beside it"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("key")) {
    return output.usage("sign-pack: --key is needed", "sallyport keygen makes a key");
  }
  Env& env = system_env();
  const fs::path file = arguments.word("FILE");
  const Bytes yaml = TRY(env.read_file(file, limits::kYamlBytesMax));
  const trust::PrivateKey key = TRY(trust::load_private_key(env, arguments.text("key")));
  const std::string envelope = TRY(services::scan::sign_pack(as_text(yaml), file.string(), key));
  fs::path target = file;
  target.replace_extension(".pack.json");
  TRY(write_durably(env, target, as_bytes(envelope)));
  output.result("signed " + file.string() + ": " + target.string() + "\n",
                {{"pack", target.string()}, {"keyid", key.keyid()}});
  return Exit::kClean;
}

}  // namespace

extern const Command sign_pack_command;
const Command sign_pack_command{
    .name = "sign-pack",
    .summary = "sign a pack of globals that your pickles may use, for scan --packs",
    .example = "$ sallyport sign-pack ours.yaml --key security.key\nsigned ours.yaml: ours.pack.json",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
