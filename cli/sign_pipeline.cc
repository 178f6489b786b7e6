// sallyport sign-pipeline: the lead's approval of the pipeline file as it stands.
#include "cli/command.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {
namespace {

Result<Exit> run(const Arguments& arguments, Output& output) {
  const std::int64_t index = TRY(services::pipeline::sign_definition(system_env(), arguments.workspace()));
  if (output.is_json()) {
    output.json(Json{{"logIndex", index}});
  } else {
    output.line("signed pipeline.yaml as the lead: log #" + std::to_string(index));
  }
  return Exit::kClean;
}

}  // namespace

extern const Command sign_pipeline_command;
const Command sign_pipeline_command{
    .name = "sign-pipeline",
    .summary = "approve pipeline.yaml as it stands with the lead's key; nothing unsigned is executed",
    .example = "$ sallyport sign-pipeline\nsigned pipeline.yaml as the lead: log #41",
    .run = run};

}  // namespace sallyport::cli
