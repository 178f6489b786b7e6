// sallyport data checkout: a version's files, each byte held against what was signed.
#include "cli/data_view.h"
#include "cli/progress.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {{.name = "DATA", .doc = "a data set: NAME, NAME@VERSION or NAME@TAG"},
                                       {.name = "DIR", .doc = "a folder that does not exist yet"}};

Result<trust::DataVersion> check_out(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const services::data::View view = TRY(services::data::look(workspace));
  const auto opened =
      TRY(services::data::open(view, arguments.word("DATA"), system_env().now_unix_s()));
  Progress progress(output, "files", static_cast<std::uint64_t>(opened.version.said.files));
  TRY(opened.reader.checkout(system_env(), arguments.word("DIR"),
                             [&](const std::string& path, std::uint64_t) { progress.advance(path); }));
  return opened.version;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const Result<trust::DataVersion> version = check_out(arguments, output);
  if (!version) {
    // Only what was refused is a finding; what could not be read or found says nothing about the data.
    if (version.error().kind != ErrorKind::kDenied) return std::unexpected(version.error());
    output.error(version.error());
    return Exit::kFindings;
  }
  output.result(title_of(*version) + " is in " + arguments.word("DIR") + "\n", to_json(*version));
  return Exit::kClean;
}

}  // namespace

extern const Command data_checkout_command;
const Command data_checkout_command{
    .name = "data checkout",
    .summary = "write a version's files, each byte held against what was signed",
    .example = "$ sallyport data checkout digits@stable work/\ndigits@4 is in work/",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
