// sallyport run: the pipeline of this folder, stage by stage.
#include "cli/run_view.h"

namespace sallyport::cli {
namespace {

using services::pipeline::RunReport;

constexpr Flag kFlags[] = {
    {.name = "until", .value = "STAGE", .doc = "stop after this stage"},
};

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const fs::path folder = arguments.workspace();
  services::pipeline::RunOptions options{.project = folder};
  if (arguments.has("until")) {
    options.until = stage_named(arguments.text("until"));
    if (!options.until) return output.usage("--until: '" + arguments.text("until") + "' is not a stage");
  }
  const services::pipeline::Project project = TRY(services::pipeline::load_project(env, folder));
  options.on_event = [&](const services::pipeline::Event& event) { show_event(event, output); };
  const RunReport report =
      TRY(services::pipeline::run_pipeline(env, project.definition, project.policy, options));
  if (output.is_json()) {
    output.json(services::pipeline::to_json(report));
    return exit_of(report.verdict);
  }
  output.line();
  if (report.verdict >= Verdict::kBlock) {
    output.line(output.paint(Tint::kRed, "stopped") + " at " + report.reason);
    output.line("  do   " + report.hint);
  } else {
    output.line(report.pipeline + ": " + std::to_string(report.stages.size()) +
                " gates passed; every link is signed and in the log");
  }
  return exit_of(report.verdict);
}

}  // namespace

extern const Command run_command;
const Command run_command{
    .name = "run",
    .summary = "run the pipeline of this folder: confined, searched, judged, attested, logged",
    .example =
        "$ sallyport init && sallyport run\n  pass     data acquisition        0.05 s  log #3    1 guard, "
        "nothing found",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
