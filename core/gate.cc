#include "core/gate.h"

#include <algorithm>
#include <array>
#include <chrono>

#include "core/limits.h"

namespace sallyport {
namespace {

constexpr std::array<std::string_view, 4> kVerdictNames{"pass", "warn", "block", "cannot-tell"};

class GateRunner {
 public:
  GateRunner(GateReport& report, const Policy& policy) : report_(report), policy_(policy) {}

  template <class Subject>
  Result<void> over(const Guard& guard, Result<Examination> (*hook)(const Subject&, const Parameters&),
                    const std::vector<std::pair<std::string, Subject>>& subjects) {
    if (hook == nullptr) return {};
    for (const auto& [name, subject] : subjects) {
      TRY(run(guard, name, [&](const Parameters& parameters) { return hook(subject, parameters); }));
    }
    return {};
  }

  Result<void> over_datasets(const Guard& guard,
                             const std::vector<std::pair<std::string, DatasetSubject>>& subjects) {
    if (guard.dataset.judge == nullptr) return {};
    for (const auto& [name, subject] : subjects) {
      if (guard.dataset.relation && subject.relation != *guard.dataset.relation) continue;
      TRY(run(guard, name,
              [&](const Parameters& parameters) { return run_fold(guard.dataset, subject, parameters); }));
    }
    return {};
  }

 private:
  template <class Check>
  Result<void> run(const Guard& guard, const std::string& name, Check check) {
    GuardRun run{.guard = &guard, .subject = name, .parameters = TRY(policy_.parameters_for(guard)),
                 .examination = {}, .waived = {}, .error = {}, .seconds = 0};
    const auto start = std::chrono::steady_clock::now();
    Result<Examination> examination = check(run.parameters);
    run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (examination) {
      run.examination = std::move(*examination);
      if (run.examination.findings.size() > limits::kFindingsPerGuardMax) {
        run.examination.findings.resize(limits::kFindingsPerGuardMax);
      }
    } else {
      run.error = examination.error().message;
    }
    report_.runs.push_back(std::move(run));
    return {};
  }

  GateReport& report_;
  const Policy& policy_;
};

void judge_run(GateReport& report, GuardRun& run, const Policy& policy, std::int64_t now_unix_s) {
  if (!run.error.empty()) {
    report.verdict = std::max(report.verdict, Verdict::kCannotTell);
    report.reasons.push_back(std::string(run.guard->id) + ": could not tell: " + run.error);
    return;
  }
  for (std::size_t i = 0; i < run.examination.findings.size(); ++i) {
    const Finding& finding = run.examination.findings[i];
    if (policy.waiver_for(*run.guard, finding, now_unix_s) != nullptr) {
      run.waived.push_back(i);
      continue;
    }
    const bool blocks = finding.severity >= policy.blocks_at(report.stage);
    if (!blocks && finding.severity < Severity::kMedium) continue;
    report.verdict = std::max(report.verdict, blocks ? Verdict::kBlock : Verdict::kWarn);
    const std::string where = to_text(finding.where);
    report.reasons.push_back(std::string(run.guard->id) + ": " + (where.empty() ? "" : where + ": ") +
                             finding.message);
  }
}

}  // namespace

std::string_view name_of(Verdict verdict) { return kVerdictNames[static_cast<std::size_t>(verdict)]; }

Result<GateReport> pass_gate(Stage stage, std::span<const Guard* const> guards, const Subjects& subjects,
                             const Policy& policy, std::int64_t now_unix_s) {
  GateReport report{.stage = stage, .verdict = Verdict::kPass, .runs = {}, .reasons = {}};
  GateRunner runner(report, policy);
  for (const Guard* guard : guards) {
    TRY(runner.over(*guard, guard->file, subjects.files));
    TRY(runner.over_datasets(*guard, subjects.datasets));
    TRY(runner.over(*guard, guard->repository, subjects.repositories));
    TRY(runner.over(*guard, guard->step, subjects.steps));
    TRY(runner.over(*guard, guard->promotion, subjects.promotions));
    TRY(runner.over(*guard, guard->request, subjects.requests));
    TRY(runner.over(*guard, guard->response, subjects.responses));
    TRY(runner.over(*guard, guard->event, subjects.events));
  }
  for (GuardRun& run : report.runs) judge_run(report, run, policy, now_unix_s);
  const auto rule = policy.stages.find(stage);
  if (rule == policy.stages.end()) return report;
  for (const std::string& required : rule->second.require) {
    const bool ran = std::any_of(report.runs.begin(), report.runs.end(),
                                 [&](const GuardRun& run) { return run.guard->id == required; });
    if (ran) continue;
    report.verdict = std::max(report.verdict, Verdict::kCannotTell);
    report.reasons.push_back(required + ": required by the policy, but had nothing to look at in this stage");
  }
  return report;
}

Json to_json(const GateReport& report) {
  Json guards = Json::array();
  for (const GuardRun& run : report.runs) {
    Json findings = Json::array();
    for (const Finding& finding : run.examination.findings) findings.push_back(to_json(finding));
    Json statistics = Json::array();
    for (const Statistic& statistic : run.examination.statistics) statistics.push_back(to_json(statistic));
    Json entry{{"id", run.guard->id},           {"version", run.guard->version},
               {"subject", run.subject},        {"parameters", run.parameters.to_json()},
               {"looksFor", run.guard->looks_for}, {"findings", findings},
               {"statistics", statistics}};
    if (!run.waived.empty()) entry["waived"] = run.waived;
    if (!run.error.empty()) entry["error"] = run.error;
    guards.push_back(std::move(entry));
  }
  return Json{{"stage", name_of(report.stage)},
              {"verdict", name_of(report.verdict)},
              {"reasons", report.reasons},
              {"guards", std::move(guards)}};
}

}  // namespace sallyport
