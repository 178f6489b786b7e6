// sallyport data log: the versions of a data set, newest first.
#include "cli/data_view.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "NAME", .doc = "the data set; without it, all of them", .arity = Arity::kOptional}};

void print(const trust::DataVersion& version, Output& output) {
  const trust::DataVersionPredicate& said = version.said;
  output.line(output.paint(Tint::kBold, title_of(version)) + "  " + format_time(said.committed_on) + "  " +
              with_separators(static_cast<std::uint64_t>(said.files)) + " files, " +
              bytes_text(static_cast<std::uint64_t>(said.bytes)) + "  log #" +
              std::to_string(version.log_index));
  output.line("  sha256:" + version.manifest.hex());
  if (!said.message.empty()) output.line("  " + said.message);
  for (const trust::NamedDigest& input : said.inputs) output.line("  from " + input.name);
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const services::data::View view = TRY(services::data::look(workspace));
  std::vector<std::string> names{arguments.word("NAME")};
  if (names.front().empty()) names = trust::data_names(view.ledger);
  Json all = Json::array();
  for (const std::string& name : names) {
    const auto versions = TRY(trust::data_versions(view.ledger, view.root, name));
    if (versions.empty()) return fail(ErrorKind::kNotFound, name + ": no version in the log");
    for (auto at = versions.rbegin(); at != versions.rend(); ++at) {
      all.push_back(to_json(at->second));
      if (!output.is_json()) print(at->second, output);
    }
  }
  if (output.is_json()) output.json(all);
  return Exit::kClean;
}

}  // namespace

extern const Command data_log_command;
const Command data_log_command{
    .name = "data log",
    .summary = "list the signed versions of a data set, newest first",
    .example =
        "$ sallyport data log digits\n"
        "digits@4  2026-11-24T09:12:00Z  1,797 files, 7.4 MB  log #812\n"
        "  sha256:9f2c41aa...\n"
        "  writers 31 to 40",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
