// sallyport data fsck: every block, file and version again, from the disk and from the log.
#include "cli/data_view.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "DIR", .doc = "the project's folder; without it, this one", .arity = Arity::kOptional}};

Result<services::data::Soundness> check(const Arguments& arguments) {
  const std::string word = arguments.word("DIR");
  const fs::path folder = word.empty() ? arguments.workspace() : fs::path(word);
  return services::data::check(TRY(trust::Workspace::open(system_env(), folder)));
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  Result<services::data::Soundness> found = check(arguments);
  if (!found) {
    if (says_nothing(found.error().kind)) return std::unexpected(found.error());
    found = services::data::Soundness{.problems = {found.error().message}};
  }
  const bool sound = found->problems.empty();
  std::string text = sound ? "sound: " + with_separators(found->versions) + " versions of " +
                                 with_separators(found->names) + " data sets, " + bytes_text(found->bytes) +
                                 "\n"
                           : "not sound\n";
  for (const std::string& problem : found->problems) text += "  " + problem + "\n";
  output.result(text, {{"verdict", sound ? "sound" : "not-sound"},
                       {"versions", found->versions},
                       {"names", found->names},
                       {"bytes", found->bytes},
                       {"problems", found->problems}});
  return sound ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command data_fsck_command;
const Command data_fsck_command{
    .name = "data fsck",
    .summary = "read every block and version again and say what is not as it was signed",
    .example = "$ sallyport data fsck\nsound: 12 versions of 3 data sets, 7.4 GB",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
