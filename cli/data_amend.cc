// sallyport data amend: lead and audit sign a correction of a sealed data set, what it changes and why.
#include "cli/data_seal_view.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "reason", .value = "TEXT", .doc = "why it is corrected; part of what is signed", .letter = 'm'},
    kSealKeyFlag,
    kSealLabelFlag,
    kSealAgainstFlag};
constexpr Positional kPositionals[] = {
    {.name = "DATA", .doc = "the corrected version, committed already: NAME or NAME@VERSION"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  if (!arguments.has("reason")) {
    return output.usage("data amend: --reason is missing", "say why: --reason 'row 12 was mislabelled'");
  }
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const auto state = services::data::amend(workspace, arguments.word("DATA"), arguments.text("reason"),
                                           seal_options(arguments));
  if (state) return show_seal(*state, "amended", output);
  if (state.error().kind != ErrorKind::kDenied) return std::unexpected(state.error());
  output.error(state.error());
  return Exit::kFindings;
}

}  // namespace

extern const Command data_amend_command;
const Command data_amend_command{
    .name = "data amend",
    .summary = "lead from a sealed version to a corrected one, signed by lead and audit with the reason",
    .example =
        "$ sallyport data amend eval@4 --reason 'twelve more writers' --label digit\n"
        "amended: eval@4, 372 rows, signed by audit, lead, log #44\n"
        "  12 rows added, 0 removed since version 3, in eval.csv",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
