// sallyport init: a guarded pipeline in this folder that runs at once.
#include <charconv>

#include "cli/command.h"
#include "drills/data.h"
#include "services/project/init.h"

namespace sallyport::cli {
namespace {

constexpr Flag kFlags[] = {
    {.name = "data",
     .value = "FILE",
     .doc = "the first batch, CSV with a header; without it, the UCI digits"},
    {.name = "label", .value = "COLUMN", .doc = "the column that the model learns to predict"},
    {.name = "id", .value = "COLUMN", .doc = "the column that identifies a row"},
    {.name = "contributor", .value = "COLUMN", .doc = "the column that says who supplied a row"},
    {.name = "name", .value = "NAME", .doc = "the pipeline's name", .fallback = "the folder's"},
};

Result<services::project::InitOptions> options_of(const Arguments& arguments, Env& env) {
  services::project::InitOptions options{.folder =
                                             arguments.has("workspace") ? arguments.text("workspace") : "."};
  if (arguments.has("name")) options.name = arguments.text("name");
  if (!arguments.has("data")) {
    options.feed_csv = std::string(drills::digits_csv());
    options.feed_file = "digits.csv";
    options.roles = {.label = "digit", .id = "id"};
    options.image = {.height = 8, .width = 8, .max_value = 16};
    return options;
  }
  if (!arguments.has("label")) return invalid("init: --data needs --label COLUMN");
  const fs::path file = arguments.text("data");
  const Bytes bytes = TRY(env.read_file(file));
  options.feed_csv = std::string(as_text(bytes));
  options.feed_file = file.filename().string();
  options.roles = {.label = arguments.text("label"),
                   .id = arguments.text("id"),
                   .contributor = arguments.text("contributor")};
  return options;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const services::project::InitOptions options = TRY(options_of(arguments, env));
  const services::project::InitReport report = TRY(services::project::init_project(env, options));
  if (output.is_json()) {
    output.json(Json{{"made", report.made}});
    return Exit::kClean;
  }
  for (const std::string& path : report.made) output.line("  made  " + path);
  output.note("next: sallyport run");
  return Exit::kClean;
}

}  // namespace

extern const Command init_command;
const Command init_command{
    .name = "init",
    .summary = "make keys, a policy and a commented pipeline in this folder; it runs at once",
    .example = "$ sallyport init --data patients.csv --label diagnosis --id patient\n  made  pipeline.yaml",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
