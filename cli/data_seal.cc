// sallyport data seal: lead and audit sign that a version is what models are measured with.
#include "cli/data_seal_view.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {kSealKeyFlag, kSealLabelFlag, kSealAgainstFlag};
constexpr Positional kPositionals[] = {{.name = "DATA", .doc = "a data set: NAME, NAME@VERSION or NAME@TAG"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const auto state = services::data::seal(workspace, arguments.word("DATA"), seal_options(arguments));
  if (state) return show_seal(*state, "sealed", output);
  if (state.error().kind != ErrorKind::kDenied) return std::unexpected(state.error());
  output.error(state.error());
  return Exit::kFindings;
}

}  // namespace

extern const Command data_seal_command;
const Command data_seal_command{
    .name = "data seal",
    .summary = "look at an evaluation split's rows and seal it, signed by lead and audit",
    .example =
        "$ sallyport data seal eval@3 --as lead --label digit --against train\n"
        "waits: eval@3, signed by lead; missing is audit\n"
        "$ sallyport data seal eval@3 --as audit --label digit --against train\n"
        "sealed: eval@3, 360 rows, signed by audit, lead, log #41",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
