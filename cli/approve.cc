// sallyport approve: sign the move of an alias that waits, and move it when that was the last thing missing.
#include "cli/command.h"
#include "cli/promotion_view.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {{.name = "as", .value = "NAME", .doc = "the approver whose key is here"}};
constexpr Positional kPositionals[] = {{.name = "MODEL@ALIAS", .doc = "the move that waits"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string named = arguments.word("MODEL@ALIAS");
  const std::size_t at = named.find('@');
  if (at == std::string::npos) {
    return output.usage("approve: '" + named + "' is not MODEL@ALIAS",
                        "sallyport approve digits@champion --as audit");
  }
  if (!arguments.has("as"))
    return output.usage("approve: --as is missing", "say whose key signs: --as audit");
  Env& env = system_env();
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, arguments.workspace()));
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  return show_promotion(
      TRY(services::registry::approve_move(workspace, policy, named.substr(0, at), named.substr(at + 1),
                                           arguments.text("as"), env.now_unix_s())),
      output);
}

}  // namespace

extern const Command approve_command;
const Command approve_command{
    .name = "approve",
    .summary = "sign the move of an alias that waits for approval",
    .example =
        "$ sallyport approve digits@champion --as audit\n"
        "moved: digits@champion -> version 4, approved by audit, lead, log #812",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
