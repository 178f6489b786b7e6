// sallyport step: one built-in step, as the runner executes it inside the sandbox.
#include <cstdlib>

#include "cli/command.h"
#include "services/pipeline/steps.h"

namespace sallyport::cli {
namespace {

constexpr Positional kPositionals[] = {{.name = "NAME", .doc = "clean, split, export or replay"}};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<Exit> run(const Arguments& arguments, Output&) {
  const std::string described = variable("SALLYPORT_STEP");
  if (described.empty()) {
    return invalid("step: SALLYPORT_STEP is not set", "steps are started by `sallyport run`");
  }
  const auto input = services::pipeline::step_input_from(TRY(parse_json(described)), variable("SALLYPORT_IN"),
                                                         variable("SALLYPORT_OUT"));
  TRY(services::pipeline::run_step(system_env(), arguments.word("NAME"), TRY(input)));
  return Exit::kClean;
}

}  // namespace

extern const Command step_command;
const Command step_command{
    .name = "step",
    .summary = "run one built-in step; the runner calls this inside the sandbox",
    .example = "$ SALLYPORT_IN=in SALLYPORT_OUT=out SALLYPORT_STEP='{...}' sallyport step clean",
    .positionals = kPositionals,
    .run = run};

}  // namespace sallyport::cli
