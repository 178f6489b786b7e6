// sallyport data gc: gives the disk back what no version and nothing staged needs.
#include "cli/data_view.h"

namespace sallyport::cli {
namespace {

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const auto report = TRY(services::data::collect(workspace));
  output.result("freed " + bytes_text(report.freed) + ", kept " + bytes_text(report.kept) + "\n",
                {{"freed", report.freed}, {"kept", report.kept}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_gc_command;
const Command data_gc_command{
    .name = "data gc",
    .summary = "remove the blocks that no version and nothing staged needs",
    .example = "$ sallyport data gc\nfreed 1.2 GB, kept 7.4 GB",
    .run = run};

}  // namespace sallyport::cli
