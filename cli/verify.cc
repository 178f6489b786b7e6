// sallyport verify: why an artifact is trusted, or the first link that is not.
#include "cli/command.h"
#include "cli/cosigned_within.h"
#include "services/pipeline/runner.h"
#include "services/project/check.h"

namespace sallyport::cli {
namespace {

using trust::ChainLink;
using trust::ChainReport;
using trust::ChainVerdict;
using trust::LinkVerdict;

constexpr Flag kFlags[] = {kCosignedWithin};
constexpr Positional kPositionals[] = {
    {.name = "ARTIFACT", .doc = "a model (digits@champion, digits@4), a digest (sha256:...), or a path"}};

struct Answer {
  std::string title = {};
  ChainReport report = {};
};

Result<Answer> verify(const Arguments& arguments) {
  Env& env = system_env();
  const std::string name = arguments.word("ARTIFACT");
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, arguments.workspace()));
  const Policy policy = TRY(services::pipeline::project_policy(env, workspace.root.parent_path()));
  const std::int64_t now = env.now_unix_s();
  const auto resolved = trust::resolve_artifact(workspace, name, policy, now);
  return Answer{resolved ? resolved->title : name,
                services::project::verify_project(workspace, name, policy, now,
                                                  {.cosigned_age_max_s = cosigned_age_max_s(arguments)})};
}

std::string_view word_of(LinkVerdict verdict) {
  return verdict == LinkVerdict::kOk ? "ok  " : verdict == LinkVerdict::kFail ? "FAIL" : "none";
}

void print_link(const ChainLink& link, Output& output) {
  constexpr std::size_t text_column = 22, log_column = 90;
  const bool ok = link.verdict == LinkVerdict::kOk;
  std::string stage = link.stage;
  stage.resize(std::max<std::size_t>(stage.size() + 1, 15), ' ');
  std::string text = link.text;
  if (link.log_index >= 0) {
    const std::size_t width = log_column - text_column;
    text.resize(std::max(text.size() + 2, width), ' ');
    text += "log #" + std::to_string(link.log_index);
  }
  output.line("  " + output.paint(ok ? Tint::kGreen : Tint::kRed, word_of(link.verdict)) + " " + stage +
              text);
}

void print_answer(const Answer& answer, Output& output) {
  const ChainReport& report = answer.report;
  const Tint tint = report.verified() ? Tint::kGreen : Tint::kRed;
  output.line(output.paint(tint, name_of(report.verdict)) + ": " + answer.title);
  for (const ChainLink& link : report.links) print_link(link, output);
  if (report.verified()) return;
  output.line("  why  " + report.reason);
  if (!report.hint.empty()) output.line("  do   " + report.hint);
}

Exit exit_of(ChainVerdict verdict) {
  if (verdict == ChainVerdict::kVerified) return Exit::kClean;
  return verdict == ChainVerdict::kRefused ? Exit::kFindings : Exit::kCannotTell;
}

Result<Exit> run(const Arguments& arguments, Output& output) {
  const Result<Answer> answer = verify(arguments);
  if (!output.is_json()) {
    if (!answer) return std::unexpected(answer.error());
    print_answer(*answer, output);
    return exit_of(answer->report.verdict);
  }
  const ChainReport report = answer ? answer->report : ChainReport{.reason = answer.error().message};
  if (!answer) output.error(answer.error());
  const Json full = trust::to_json(report);
  output.json({{"verdict", full.at("verdict")}, {"chain", full.at("chain")}, {"reason", report.reason}});
  return exit_of(report.verdict);
}

}  // namespace

extern const Command verify_command;
const Command verify_command{
    .name = "verify",
    .summary = "walk the chain behind an artifact and explain every link, or the first that fails",
    .example =
        "$ sallyport verify digits@champion\n"
        "refused: model digits version 4 (sha256:9f2c...)\n"
        "  ok   registry       alias champion -> 4, approved by lead, audit       log #812\n"
        "  FAIL training       attests dataset sha256:41aa..., digits/3 is sha256:77c0...\n"
        "  do   sallyport log show 801 for the step, or train again from digits/3",
    .flags = kFlags,
    .positionals = kPositionals,
    .run = run,
};

}  // namespace sallyport::cli
