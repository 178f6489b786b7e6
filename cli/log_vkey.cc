// sallyport log vkey: what a witness or any other client of this log takes as its key.
#include "cli/command.h"
#include "trust/workspace.h"

namespace sallyport::cli {
namespace {

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), arguments.workspace()));
  const trust::Root root = TRY(workspace.load_root());
  std::string text;
  Json keys = Json::array();
  for (const trust::PublicKey& key : root.keys_of(trust::role::kLog)) {
    if (key.algorithm() != trust::KeyAlgorithm::kEd25519) continue;
    keys.push_back(trust::note_verifier_key(root.log_origin(), key));
    text += keys.back().get<std::string>() + "\n";
  }
  if (keys.empty()) return fail(ErrorKind::kNotFound, "root.json: no Ed25519 key holds the log role");
  output.result(text, {{"origin", root.log_origin()}, {"keys", keys}});
  return Exit::kClean;
}

}  // namespace

extern const Command log_vkey_command;
const Command log_vkey_command{
    .name = "log vkey",
    .summary = "the log's key as witnesses and standard clients take it",
    .example = "$ sallyport log vkey\nsallyport.dev/log+1f0c9a7e+AcyCvN4Jmpf5...",
    .run = run,
};

}  // namespace sallyport::cli
