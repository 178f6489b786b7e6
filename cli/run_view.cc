#include "cli/run_view.h"

#include <cstdio>

#include "trust/predicates.h"

namespace sallyport::cli {
namespace {

using services::pipeline::Event;
using services::pipeline::EventKind;
using services::pipeline::StageResult;

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
  for (const Json& guard : guards) {
    for (const Json& finding : guard.value("findings", Json::array())) {
      findings += finding.value("severity", "") == "info" ? 0 : 1;
    }
  }
  if (guards.empty()) return "held by the platform";
  const std::size_t count = trust::guard_count(guards);
  const std::string who = std::to_string(count) + (count == 1 ? " guard" : " guards");
  return findings == 0 ? who + ", nothing found"
                       : who + ", " + std::to_string(findings) + (findings == 1 ? " finding" : " findings");
}

void print_stage(const StageResult& stage, Output& output) {
  const std::string time = stage.unchanged ? " unchanged" : seconds_text(stage.seconds);
  output.line("  " + verdict_text(stage, output) + "  " + padded(info(stage.stage).title, 20) + time +
              "  log #" + padded(std::to_string(stage.log_index), 5) + guards_text(stage));
  if (stage.verdict == Verdict::kPass) return;
  for (const std::string& reason : stage.reasons) output.line("           " + reason);
}

}  // namespace

void show_event(const Event& event, Output& output) {
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

}  // namespace sallyport::cli
