// sallyport retire: versions of a model that are not to be used again, whatever once approved them.
#include <array>

#include "cli/command.h"
#include "trust/chain.h"
#include "trust/retirement.h"
#include "trust/workspace.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "below", .value = "N", .doc = "the first version that stays, from 2", .fallback = "0"},
    {.name = "reason", .value = "TEXT", .doc = "why, for whoever is refused"},
    {.name = "as",
     .value = "NAME",
     .doc = "the approver, or registrar, whose key is here",
     .fallback = "lead"},
};
constexpr Positional kPositionals[] = {{.name = "MODEL", .doc = "the model's name in the registry"}};

struct Retired {
  std::uint64_t log_index = 0;
  std::size_t versions = 0;  // that were registered below the floor
};

Result<Retired> retire(const trust::Workspace& workspace, const trust::RetirementPredicate& said,
                       const std::string& as) {
  const trust::Root root = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const auto versions = TRY(trust::model_versions(ledger, root, said.model));
  const auto end = versions.lower_bound(said.floor);
  if (end == versions.begin()) {
    return fail(ErrorKind::kNotFound,
                said.model + ": no version below " + std::to_string(said.floor) + " is registered");
  }
  if (trust::version_floor(ledger, root, said.model) >= said.floor) {
    return invalid(said.model + ": versions below " + std::to_string(said.floor) + " are retired already");
  }
  trust::Statement statement;
  statement.subjects = {{said.model, std::prev(end)->second.artifact}};
  statement.predicate_type = trust::predicate::kRetirement;
  statement.predicate = trust::to_json(said);
  const std::array<trust::PrivateKey, 1> keys{TRY(workspace.load_key(as, root))};
  Retired out{.versions = static_cast<std::size_t>(std::distance(versions.begin(), end))};
  out.log_index =
      TRY(ledger.add(trust::sign_statement(statement, keys), TRY(workspace.load_key("log", root))));
  TRY(trust::advance_pin(*workspace.env, workspace.pin(), ledger.log(), ledger.log_keys()));
  // A key that may not retire would have changed nothing.
  if (trust::version_floor(ledger, root, said.model) != said.floor) {
    return fail(ErrorKind::kDenied, as + " is neither an approver nor the registrar: nothing was retired");
  }
  return out;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::RetirementPredicate said{.model = arguments.word("MODEL"),
                                        .floor = arguments.number("below"),
                                        .reason = arguments.text("reason")};
  if (said.floor < 2)
    return output.usage("retire: --below N is needed, from 2", "sallyport retire digits --below 4");
  if (said.reason.empty())
    return output.usage("retire: --reason is needed", "say why: whoever is refused reads it");
  const trust::Workspace workspace = TRY(trust::Workspace::open(system_env(), arguments.workspace()));
  const Retired retired = TRY(retire(workspace, said, arguments.text("as")));
  output.result("retired: " + std::to_string(retired.versions) + " versions of " + said.model + " below " +
                    std::to_string(said.floor) + ", log #" + std::to_string(retired.log_index) + "\n",
                {{"model", said.model},
                 {"floor", said.floor},
                 {"versions", retired.versions},
                 {"log_index", retired.log_index}});
  return Exit::kClean;
}

}  // namespace

extern const Command retire_command;
const Command retire_command{
    .name = "retire",
    .summary = "say that versions of a model are not to be used again",
    .example =
        "$ sallyport retire digits --below 4 --reason \"fooled by stickers\"\n"
        "retired: 3 versions of digits below 4, log #815",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
