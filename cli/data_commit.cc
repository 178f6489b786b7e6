// sallyport data commit: what is staged becomes the next signed version.
#include "cli/data_view.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "message", .value = "TEXT", .doc = "what changed", .letter = 'm'},
    {.name = "input",
     .value = "DATA",
     .doc = "what it was made from: NAME, NAME@VERSION or sha256:DIGEST",
     .repeats = true},
    {.name = "code", .value = "COMMIT", .doc = "the commit of the code that made it"},
    {.name = "step", .value = "TEXT", .doc = "the command that made it"},
    {.name = "tag", .value = "TAG", .doc = "a tag to move to this version, signed by lead and audit"},
    {.name = "valid-days", .value = "N", .doc = "days until the version expires", .fallback = "365"},
};
constexpr Positional kPositionals[] = {{.name = "NAME", .doc = "the data set"}};
constexpr std::int64_t kDaySeconds = 86'400;
constexpr std::int64_t kValidDaysMax = 36'500;

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::int64_t days = arguments.number("valid-days");
  if (days < 1 || days > kValidDaysMax) return output.usage("data commit: --valid-days is from 1 to 36500");
  services::data::CommitOptions options;
  options.message = arguments.text("message");
  options.inputs = arguments.all("input");
  options.code = arguments.text("code");
  options.step = arguments.text("step");
  options.tag = arguments.text("tag");
  options.valid_s = days * kDaySeconds;
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const trust::DataVersion version =
      TRY(services::data::commit(workspace, arguments.word("NAME"), options));
  output.result(title_of(version) + "  sha256:" + version.manifest.hex() + "  log #" +
                    std::to_string(version.log_index) + "\n",
                to_json(version));
  return Exit::kClean;
}

}  // namespace

extern const Command data_commit_command;
const Command data_commit_command{
    .name = "data commit",
    .summary = "sign what is staged as the next version of a data set",
    .example =
        "$ sallyport data commit digits -m 'writers 31 to 40' --input raw@7 --tag stable\n"
        "digits@4  sha256:9f2c41aa...  log #812",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
