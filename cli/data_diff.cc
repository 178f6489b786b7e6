// sallyport data diff: what changed between two versions.
#include "cli/data_view.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "BEFORE", .doc = "a data set: NAME, NAME@VERSION or NAME@TAG"},
    {.name = "AFTER", .doc = "the same"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const services::data::View view = TRY(services::data::look(workspace));
  const std::int64_t now = system_env().now_unix_s();
  const auto before = TRY(services::data::open(view, arguments.word("BEFORE"), now));
  const auto after = TRY(services::data::open(view, arguments.word("AFTER"), now));
  Json changes = Json::array();
  for (const trust::Difference& one : trust::compare(before.reader.manifest(), after.reader.manifest())) {
    std::string word(trust::name_of(one.change));
    changes.push_back({{"change", word}, {"path", one.path}});
    word.resize(9, ' ');
    if (!output.is_json()) output.line(word + one.path);
  }
  if (output.is_json()) output.json(changes);
  return changes.empty() ? Exit::kClean : Exit::kFindings;
}

}  // namespace

extern const Command data_diff_command;
const Command data_diff_command{
    .name = "data diff",
    .summary = "list the files that differ between two versions; exit 1 when any does",
    .example = "$ sallyport data diff digits@3 digits@4\nadded    writers/31.csv\nchanged  README",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
