// sallyport promote: propose that an alias moves to a version, and move it when nothing is missing.
#include "cli/command.h"
#include "cli/promotion_view.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "version",
     .value = "N",
     .doc = "the registered version that the alias is to name; 0 is the newest",
     .fallback = "0"},
    {.name = "alias", .value = "ALIAS", .doc = "the alias that moves", .fallback = "champion"},
    {.name = "as",
     .value = "NAME",
     .doc = "an approver whose key is here; may be given again",
     .repeats = true},
};
constexpr Positional kPositionals[] = {{.name = "MODEL", .doc = "the model's name"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, arguments.workspace()));
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  return show_promotion(
      TRY(services::registry::promote(workspace, policy, arguments.word("MODEL"), arguments.text("alias"),
                                      arguments.number("version"), arguments.all("as"), env.now_unix_s())),
      output);
}

}  // namespace

extern const Command promote_command;
const Command promote_command{
    .name = "promote",
    .summary = "propose that an alias moves to a version; say what is missing, move it when nothing is",
    .example =
        "$ sallyport promote digits --version 4 --alias champion --as lead\n"
        "waiting: digits@champion -> version 4, approved by lead\n"
        "  missing  the approval of audit\n"
        "       do  sallyport approve digits@champion --as audit",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
