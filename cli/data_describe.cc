// sallyport data describe: a version of a data set in Croissant, the ecosystem's description of data sets.
#include <deque>

#include "cli/data_view.h"
#include "formats/csv.h"
#include "services/bundle/croissant.h"

namespace sallyport::cli {
namespace {

// Columns are read from tables up to this size; a larger one is described by its digest alone.
constexpr std::uint64_t kTableBytesMax = 256 * limits::kMiB;

constexpr Flag kFlags[] = {
    {.name = "out", .value = "FILE", .doc = "where the description goes; without it, to standard output"},
    {.name = "license", .value = "TEXT", .doc = "the licence that you give it: a name of SPDX or an address"},
    {.name = "url", .value = "URL", .doc = "where people read about it"}};
constexpr Positional kPositionals[] = {{.name = "DATA", .doc = "a data set: NAME, NAME@VERSION or NAME@TAG"}};

Result<Json> describe(const Arguments& arguments, Output& output) {
  const trust::Workspace workspace = TRY(data_workspace(arguments));
  const services::data::View view = TRY(services::data::look(workspace));
  const auto opened = TRY(services::data::open(view, arguments.word("DATA"), system_env().now_unix_s()));
  const trust::DataVersionPredicate& said = opened.version.said;
  services::bundle::DataFacts facts{.name = said.name};
  facts.version = std::to_string(said.version) + ".0.0";
  facts.description =
      said.message.empty() ? "version " + std::to_string(said.version) + " of " + said.name : said.message;
  facts.license = arguments.text("license");
  facts.url = arguments.text("url");
  facts.published_unix_s = said.committed_on;
  std::deque<Dataset> tables;
  for (const trust::ManifestEntry& entry : opened.reader.manifest().entries) {
    if (entry.mode == trust::EntryMode::kEmptyDirectory) continue;
    services::bundle::DataFile file{.path = entry.path, .sha256 = entry.sha256, .size = entry.size};
    if (entry.path.ends_with(".csv")) file.format = "text/csv";
    if (entry.path.ends_with(".json")) file.format = "application/json";
    if (!file.format.empty() && file.format == "text/csv" && entry.size <= kTableBytesMax) {
      Bytes bytes;
      TRY(opened.reader.read_file(entry.path, [&](BytesView part) -> Result<void> {
        bytes.insert(bytes.end(), part.begin(), part.end());
        return {};
      }));
      auto table = formats::csv::parse(bytes, {.name = entry.path});
      if (table) {
        file.table = &tables.emplace_back(std::move(*table));
      } else {
        output.note(entry.path + ": its columns are not described: " + table.error().message);
      }
    }
    facts.files.push_back(std::move(file));
  }
  return services::bundle::to_croissant(facts);
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const Result<Json> described = describe(arguments, output);
  if (!described) {
    if (described.error().kind != ErrorKind::kDenied) return std::unexpected(described.error());
    output.error(described.error());
    return Exit::kFindings;
  }
  if (!arguments.has("out")) {
    output.json(*described);
    return Exit::kClean;
  }
  const std::string target = arguments.text("out");
  TRY(write_durably(system_env(), target, as_bytes(pretty(*described))));
  output.result("described " + arguments.word("DATA") + ": " + target + "\n", {{"croissant", target}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_describe_command;
const Command data_describe_command{
    .name = "data describe",
    .summary = "describe a version of a data set in Croissant: files by digest, tables by column",
    .example =
        "$ sallyport data describe digits@3 --license CC-BY-4.0 --out croissant.json\n"
        "described digits@3: croissant.json",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
