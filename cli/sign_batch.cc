// sallyport sign-batch: the producer's signature over a feed's next batch.
#include "cli/command.h"
#include "services/project/init.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {
    {.name = "FILE", .doc = "the batch, relative to the project's folder"}};

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::string file = arguments.word("FILE");
  const std::int64_t sequence = TRY(services::project::sign_batch(system_env(), arguments.workspace(), file));
  if (output.is_json()) {
    output.json(Json{{"manifest", file + ".batch.json"}, {"sequence", sequence}});
  } else {
    output.line("signed " + file + " as batch " + std::to_string(sequence) + ": " + file + ".batch.json");
  }
  return Exit::kClean;
}

}  // namespace

extern const Command sign_batch_command;
const Command sign_batch_command{
    .name = "sign-batch",
    .summary = "sign a feed's next batch with the producer's key",
    .example =
        "$ sallyport sign-batch feed/data.csv\nsigned feed/data.csv as batch 2: feed/data.csv.batch.json",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
