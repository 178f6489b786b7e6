// sallyport log fsck: rebuilds the log from nothing and compares it with what is on disk.
#include "cli/command.h"
#include "trust/witnessed.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "DIR", .doc = "the project's folder; without it, this one", .arity = Arity::kOptional}};

struct Soundness {
  std::uint64_t entries = 0;
  std::vector<std::string> unlogged = {};
  std::optional<trust::Witnessed> by = {};
};

Result<Soundness> check(const fs::path& folder) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), folder));
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const std::string pin = TRY(trust::read_pin(system_env(), workspace.pin()));
  TRY(trust::check_pin(pin, ledger.log(), ledger.log_keys()));
  const trust::Ledger::Fsck found = TRY(ledger.fsck());
  Soundness out{.entries = found.entries, .unlogged = found.unlogged};
  out.by = TRY(trust::check_witnesses(workspace, ledger.log(), ledger.log_keys(), system_env().now_unix_s()));
  return out;
}

void print(const Soundness& sound, Output& output) {
  std::string text = "sound: " + std::to_string(sound.entries) + " entries";
  Json json{{"verdict", "sound"}, {"entries", sound.entries}, {"unlogged", sound.unlogged}};
  if (sound.by) {
    std::string by;
    for (const std::string& name : sound.by->witnesses) by += (by.empty() ? "" : ", ") + name;
    text += ", cosigned by " + (by.empty() ? "nobody, which the policy allows" : by);
    json["witnesses"] = sound.by->witnesses;
  }
  output.result(text + "\n", json);
  for (const std::string& name : sound.unlogged) {
    output.note("attestations/" + name + " was never acknowledged and is passed over");
  }
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string word = arguments.word("DIR");
  const Result<Soundness> sound = check(word.empty() ? arguments.workspace() : fs::path(word));
  if (!sound) {
    if (says_nothing(sound.error().kind)) return std::unexpected(sound.error());
    if (!sound.error().hint.empty()) output.note(sound.error().hint);
    output.result("not sound: " + sound.error().message + "\n",
                  {{"verdict", "not-sound"}, {"reason", sound.error().message}});
    return Exit::kFindings;
  }
  print(*sound, output);
  return Exit::kClean;
}

}  // namespace

extern const Command log_fsck_command;
const Command log_fsck_command{
    .name = "log fsck",
    .summary = "rebuild the log from nothing and compare it with what is on disk",
    .example = "$ sallyport log fsck\nsound: 37 entries",
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
