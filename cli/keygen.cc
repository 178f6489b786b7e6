// sallyport keygen: a key pair for someone who signs.
#include "cli/command.h"
#include "core/env.h"
#include "trust/keys.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "algorithm",
     .value = "ed25519|ecdsa-p256",
     .doc = "what the key signs with",
     .fallback = "ed25519"},
    {.name = "directory", .value = "DIR", .doc = "where the two files go", .fallback = "."},
};
constexpr Positional kPositionals[] = {
    {.name = "NAME", .doc = "makes NAME.key, for you alone, and NAME.pub"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string name = arguments.word("NAME");
  if (name.empty() || name.front() == '.' || name.find('/') != std::string::npos) {
    return output.usage("keygen: '" + name + "' is not a name",
                        "give a plain name, and a folder with --directory");
  }
  Env& env = system_env();
  const fs::path folder = arguments.text("directory");
  const auto algorithm = arguments.text("algorithm") == "ed25519" ? trust::KeyAlgorithm::kEd25519
                                                                  : trust::KeyAlgorithm::kEcdsaP256;
  const trust::PrivateKey key = TRY(trust::PrivateKey::generate(env, algorithm));
  TRY(env.make_directories(folder));
  TRY(trust::save_key_pair(env, key, folder, name));
  const std::string secret = (folder / (name + ".key")).lexically_normal().string();
  const std::string open = (folder / (name + ".pub")).lexically_normal().string();
  output.result("key id " + key.keyid() + "\n  secret  " + secret + "\n  public  " + open + "\n",
                {{"keyid", key.keyid()}, {"private", secret}, {"public", open}});
  return Exit::kClean;
}

}  // namespace

extern const Command keygen_command;
const Command keygen_command{
    .name = "keygen",
    .summary = "make a key pair for someone who signs",
    .example =
        "$ sallyport keygen ana\n"
        "key id 57b8a4d2...\n"
        "  secret  ana.key\n"
        "  public  ana.pub",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
