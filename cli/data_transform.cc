// sallyport data transform: the declared transforms of a table, made by ourselves.
#include "cli/command.h"
#include "core/limits.h"
#include "core/yaml.h"
#include "formats/csv.h"
#include "learn/transforms.h"
#include "services/data_check/source.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {{.name = "PATH", .doc = "a table, as data check reads it"}};
constexpr Flag kFlags[] = {
    {.name = "transforms", .value = "FILE", .doc = "what is to be done, as YAML or JSON"},
    {.name = "out", .value = "FILE", .doc = "the CSV file that is written"},
};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string file = arguments.text("transforms");
  const std::string to = arguments.text("out");
  if (file.empty() || to.empty()) return invalid("data transform: --transforms and --out are needed");
  const Bytes text = TRY(system_env().read_file(file, limits::kYamlBytesMax));
  const auto transforms = learn::transforms_of(TRY(parse_yaml(as_text(text), file)));
  if (!transforms) return within(file, transforms.error());
  const Dataset made =
      TRY(learn::transformed(TRY(services::data_check::load_file(arguments.word("PATH"))), *transforms));
  const std::string csv = TRY(formats::csv::write(made));
  TRY(write_durably(system_env(), to, as_bytes(csv)));
  output.result(to + ": " + with_separators(made.rows()) + " rows, " + std::to_string(transforms->size()) +
                    " transforms\n",
                {{"out", to}, {"rows", made.rows()}, {"transforms", transforms->size()}});
  return Exit::kClean;
}

}  // namespace

extern const Command data_transform_command;
const Command data_transform_command{
    .name = "data transform",
    .summary = "make the declared transforms of a table, as data check --transforms makes them again",
    .example =
        "$ sallyport data transform raw.csv --transforms t.yaml --out clean.csv\n"
        "clean.csv: 20,000 rows, 3 transforms",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
