// sallyport run: the pipeline of this folder, stage by stage.
#include <cstdio>

#include "cli/command.h"
#include "services/pipeline/runner.h"

namespace sallyport::cli {
namespace {

using services::pipeline::Event;
using services::pipeline::EventKind;
using services::pipeline::RunReport;
using services::pipeline::StageResult;

constexpr Flag kFlags[] = {
    {.name = "until", .value = "STAGE", .doc = "stop after this stage"},
};

std::string padded(std::string_view text, std::size_t width) {
  std::string out(text);
  if (out.size() < width) out.resize(width, ' ');
  return out;
}

std::string seconds_text(double seconds) {
  char buffer[32];
  const int size = std::snprintf(buffer, sizeof buffer, "%7.2f s", seconds);
  return {buffer, static_cast<std::size_t>(size)};
}

std::string verdict_text(const StageResult& stage, const Output& output) {
  switch (stage.verdict) {
    case Verdict::kPass: return output.paint(Tint::kGreen, "pass   ");
    case Verdict::kWarn: return output.paint(Tint::kYellow, "warn   ");
    case Verdict::kBlock: return output.paint(Tint::kRed, "BLOCKED");
    case Verdict::kCannotTell: return output.paint(Tint::kRed, "REFUSED");
  }
  return {};
}

// "3 guards found nothing" or what they found, in a few words.
std::string guards_text(const StageResult& stage) {
  const Json guards = stage.predicate.value("guards", Json::array());
  std::size_t findings = 0;
  for (const Json& guard : guards) findings += guard.value("findings", Json::array()).size();
  if (guards.empty()) return "held by the platform";
  const std::string who = std::to_string(guards.size()) + (guards.size() == 1 ? " guard" : " guards");
  return findings == 0 ? who + ", nothing found" : who + ", " + std::to_string(findings) + " findings";
}

void print_stage(const StageResult& stage, Output& output) {
  const std::string time = stage.unchanged ? " unchanged" : seconds_text(stage.seconds);
  output.line("  " + verdict_text(stage, output) + "  " + padded(info(stage.stage).title, 20) + time + "  log #" +
              padded(std::to_string(stage.log_index), 5) + guards_text(stage));
  if (stage.verdict == Verdict::kPass) return;
  for (const std::string& reason : stage.reasons) output.line("           " + reason);
}

void on_event(const Event& event, Output& output) {
  if (output.is_json()) {
    Json line{{"stage", name_of(event.stage)}};
    line["event"] = event.kind == EventKind::kStageStarted ? "started"
                    : event.kind == EventKind::kNote       ? "note"
                                                           : "finished";
    if (!event.text.empty()) line["text"] = event.text;
    if (event.result != nullptr) line["verdict"] = name_of(event.result->verdict);
    if (!output.is_quiet()) output.event(line);
    return;
  }
  if (event.kind == EventKind::kStageFinished) {
    output.status("");
    if (!output.is_quiet()) print_stage(*event.result, output);
  } else if (event.kind == EventKind::kStageStarted) {
    output.status("  ....     " + std::string(info(event.stage).title));
  } else {
    output.status("  ....     " + std::string(info(event.stage).title) + ": " + event.text);
  }
}

Exit exit_of(Verdict verdict) {
  if (verdict < Verdict::kBlock) return Exit::kClean;
  return verdict == Verdict::kBlock ? Exit::kFindings : Exit::kCannotTell;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  Env& env = system_env();
  const fs::path folder = arguments.workspace();
  services::pipeline::RunOptions options{.project = folder};
  if (arguments.has("until")) {
    options.until = stage_named(arguments.text("until"));
    if (!options.until) return output.usage("--until: '" + arguments.text("until") + "' is not a stage");
  }
  const services::pipeline::Project project = TRY(services::pipeline::load_project(env, folder));
  options.on_event = [&](const Event& event) { on_event(event, output); };
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
    .example = "sallyport init && sallyport run\n  pass     data acquisition        0.05 s  log #3    1 guard, nothing found",
    .flags = kFlags,
    .run = run};

}  // namespace sallyport::cli
