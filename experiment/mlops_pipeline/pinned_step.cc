// A step counts only when it is the one that the lead signed, ran as it was declared, and tried nothing else.
//
// Reads, of any step; its stage is Stage::kPipeline whatever stage the step belongs to:
//   declared  {"stage": name, "definition": digest, "signed": bool, "pins": {path: digest},
//              "reads": [name], "writes": [name], "confinement": [digest], "tolerated": [denial]}
//   observed  {"definition": digest, "pins": {path: digest}, "reads": [name], "writes": [name],
//              "runs": [outcome of services/sandbox as JSON]}
// `pins` are the files that the step executes: as they were approved, and as they lay there when it ran. Both
// sides are the runner's own, made outside the step's reach.
//
// Missed: a step that does harm within its declaration, with its approved code.
#include <algorithm>
#include <set>

#include "core/guard.h"

namespace sallyport::experiment::mlops_pipeline {

extern const Guard pinned_step;

namespace {

// The C library asks the name-service daemon for users by itself.
constexpr std::string_view kAlwaysTolerated = "socket(AF_UNIX)";

Result<std::set<std::string>> names_in(const Json& object, std::string_view member) {
  std::set<std::string> out;
  for (const Json& name : TRY(get_array(object, member))) {
    if (!name.is_string())
      return invalid("member '" + std::string(member) + "' holds something else than text");
    out.insert(name.get<std::string>());
  }
  return out;
}

std::string remedy_for(std::string_view denial) {
  if (denial.starts_with("execute ")) {
    return "list the program under the stage's `executes` and sign the definition, or find out what starts "
           "it";
  }
  if (denial.starts_with("connect ")) {
    return "declare the destination under the stage's `network` and sign the definition, or find out what "
           "calls";
  }
  return "a step that computes has no use for it: read what the step executes";
}

class Report {
 public:
  explicit Report(std::string step) : step_(std::move(step)) {}

  void refuse(Severity severity, std::string message, std::string remedy) {
    out_.findings.push_back({.severity = severity,
                             .where = {.path = step_},
                             .message = std::move(message),
                             .remedy = std::move(remedy)});
  }

  Result<void> judge_definition(const Json& declared, const Json& observed) {
    if (!TRY(get_bool(declared, "signed"))) {
      refuse(Severity::kCritical, "the pipeline definition was not signed by the lead",
             "read what changed, then run `sallyport sign-pipeline`");
    }
    if (TRY(get_string(declared, "definition")) != TRY(get_string(observed, "definition"))) {
      refuse(Severity::kCritical, "the definition that was executed is not the one that was signed",
             "compare both with `sallyport log show`");
    }
    return {};
  }

  Result<void> judge_pins(const Json& declared, const Json& observed) {
    const Json approved = TRY(get_object(declared, "pins"));
    const Json executed = TRY(get_object(observed, "pins"));
    for (const auto& [path, digest] : executed.items()) {
      if (!approved.contains(path)) {
        refuse(Severity::kCritical, path + " was executed but is not part of the signed definition",
               "remove it, or have it reviewed and pinned");
      } else if (approved[path] != digest) {
        refuse(Severity::kCritical, path + " is not the file that was approved",
               "restore it, or have the change reviewed and pinned");
      }
    }
    return {};
  }

  Result<void> judge_names(const Json& declared, const Json& observed, std::string_view member,
                           const char* did) {
    const std::set<std::string> allowed = TRY(names_in(declared, member));
    for (const std::string& name : TRY(names_in(observed, member))) {
      if (allowed.contains(name)) continue;
      refuse(Severity::kHigh, std::string("it ") + did + " '" + name + "', which it does not declare",
             "declare it under `" + std::string(member) + "` and sign the definition, or find out who did");
    }
    return {};
  }

  Result<void> judge_runs(const Json& declared, const Json& observed) {
    std::set<std::string> tolerated = TRY(names_in(declared, "tolerated"));
    tolerated.emplace(kAlwaysTolerated);
    const std::set<std::string> planned = TRY(names_in(declared, "confinement"));
    std::uint64_t denials = 0;
    for (const Json& run : TRY(get_array(observed, "runs"))) {
      if (!planned.contains(TRY(get_string(run, "confinement")))) {
        refuse(Severity::kCritical, "it ran under another confinement than was planned for it",
               "run it through the pipeline alone");
      }
      if (const std::string limit = TRY(get_string(run, "limit")); limit != "none") {
        refuse(Severity::kHigh, "it hit its limit of " + limit,
               "raise the limit, or find out what it spent it on");
      }
      for (const Json& denial : TRY(get_array(run, "denials"))) {
        const std::string what = TRY(get_string(denial, "what"));
        const std::int64_t count = TRY(get_int(denial, "count"));
        if (tolerated.contains(what)) continue;
        denials += static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0));
        refuse(Severity::kHigh, "it tried " + what + " " + std::to_string(count) + " times and was refused",
               remedy_for(what));
      }
    }
    out_.statistics.push_back({.name = "refused accesses", .value = static_cast<double>(denials)});
    return {};
  }

  Examination finish() && { return std::move(out_); }

 private:
  std::string step_;
  Examination out_;
};

Result<Examination> step(const StepSubject& subject, const Parameters&) {
  if (subject.stage != Stage::kPipeline) return Examination{};
  Report report("step " + TRY(get_string(subject.declared, "stage")));
  TRY(report.judge_definition(subject.declared, subject.observed));
  TRY(report.judge_pins(subject.declared, subject.observed));
  TRY(report.judge_names(subject.declared, subject.observed, "reads", "read"));
  TRY(report.judge_names(subject.declared, subject.observed, "writes", "wrote"));
  TRY(report.judge_runs(subject.declared, subject.observed));
  return std::move(report).finish();
}

}  // namespace

const Guard pinned_step{
    .id = "pinned_step",
    .threats = {"pipeline-step-injection"},
    .summary = "a step that is not the signed one, or that did or tried more than it declares",
    .looks_for =
        "an unsigned or exchanged definition, executed files other than the approved ones, undeclared reads "
        "and "
        "writes, another confinement, limits that were hit and accesses that were refused",
    .step = step,
};

}  // namespace sallyport::experiment::mlops_pipeline
