// sallyport vault seal, vault open: a directory's files as ciphertext for a store that others can reach.
#include <functional>

#include "cli/command.h"
#include "core/env.h"
#include "trust/manifest.h"
#include "trust/vault.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "key", .value = "FILE", .doc = "the vault's key, which its owner alone may read; seal makes it"},
};
constexpr Positional kPositionals[] = {{.name = "DIR", .doc = "the directory to take"},
                                       {.name = "OUT", .doc = "a directory that does not exist yet"}};

// Every file under the name that it has; the name is part of what opens it.
Result<std::size_t> each_file(const fs::path& from, const fs::path& to, unsigned mode,
                              const std::function<Result<Bytes>(const std::string&, const Bytes&)>& change) {
  Env& env = system_env();
  if (env.exists(to)) return fail(ErrorKind::kDenied, to.string() + ": is there already");
  std::size_t files = 0;
  std::vector<PendingFile> out;
  for (const trust::ManifestEntry& entry : TRY(trust::walk_directory(env, from))) {
    if (entry.mode == trust::EntryMode::kEmptyDirectory) continue;
    const Bytes bytes = TRY(env.read_file(from / entry.path));
    out.push_back({.path = to / entry.path, .bytes = TRY(change(entry.path, bytes)), .mode = mode});
    ++files;
  }
  TRY(write_durably(env, out));
  return files;
}

Result<Exit> finish(Result<std::size_t> files, const std::string& did, const Arguments& arguments,
                    Output& output) {
  if (!files) {
    if (files.error().kind != ErrorKind::kDenied) return std::unexpected(files.error());
    output.error(files.error());
    return Exit::kFindings;
  }
  output.result(did + " " + with_separators(*files) + (*files == 1 ? " file: " : " files: ") +
                    arguments.word("OUT") + "\n",
                {{"files", *files}, {"out", arguments.word("OUT")}});
  return Exit::kClean;
}

Result<Exit> seal(const Arguments& arguments, Output& output) {
  if (!arguments.has("key")) return output.usage("vault seal: --key is missing", "--key vault.key");
  Env& env = system_env();
  const fs::path file = arguments.text("key");
  if (!env.exists(file)) {
    TRY(trust::VaultKey::generate(env).save(env, file));
    output.note("made " + file.string() + "; who loses it loses what it seals");
  }
  const trust::VaultKey key = TRY(trust::VaultKey::load(env, file));
  return finish(each_file(arguments.word("DIR"), arguments.word("OUT"), 0644,
                          [&](const std::string& name, const Bytes& bytes) -> Result<Bytes> {
                            return trust::seal_object(env, key, name, bytes);
                          }),
                "sealed", arguments, output);
}

Result<Exit> open(const Arguments& arguments, Output& output) {
  if (!arguments.has("key")) return output.usage("vault open: --key is missing", "--key vault.key");
  const trust::VaultKey key = TRY(trust::VaultKey::load(system_env(), arguments.text("key")));
  return finish(each_file(arguments.word("DIR"), arguments.word("OUT"), 0600,
                          [&](const std::string& name, const Bytes& bytes) {
                            return trust::open_object(key, name, bytes);
                          }),
                "opened", arguments, output);
}

}  // namespace

extern const Command vault_seal_command;
const Command vault_seal_command{
    .name = "vault seal",
    .summary = "seal a directory's files with AES-256-GCM, for a store that others can reach",
    .example = "$ sallyport vault seal exported/ bucket/ --key vault.key\nsealed 8 files: bucket/",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = seal};

extern const Command vault_open_command;
const Command vault_open_command{
    .name = "vault open",
    .summary = "open what `vault seal` sealed; what was changed, cut or exchanged is refused",
    .example = "$ sallyport vault open bucket/ model/ --key vault.key\nopened 8 files: model/",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = open};

}  // namespace sallyport::cli
