// A gate: the guards of a stage over its subjects, and the policy's verdict on what they found.
//
// Three outcomes are never mixed: findings block or warn by severity; a guard that could not tell makes the
// gate refuse with the reason; a required guard that had no subject to look at makes it refuse too.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/guard.h"
#include "core/policy.h"

namespace sallyport {

enum class Verdict : std::uint8_t { kPass, kWarn, kBlock, kCannotTell };
std::string_view name_of(Verdict verdict);

struct GuardRun {
  const Guard* guard = nullptr;
  std::string subject;  // what it looked at
  Parameters parameters;
  Examination examination;
  std::vector<std::size_t> waived;  // indices into examination.findings
  std::string error;                // not empty: the guard could not tell
  double seconds = 0;
};

struct GateReport {
  Stage stage = Stage::kAcquisition;
  Verdict verdict = Verdict::kPass;
  std::vector<GuardRun> runs;
  std::vector<std::string> reasons;  // why it is not a pass, one a line, worst first
};

// Subjects of one stage, by kind; a guard sees the kinds that it has a hook for.
struct Subjects {
  std::vector<std::pair<std::string, FileSubject>> files = {};
  std::vector<std::pair<std::string, DatasetSubject>> datasets = {};
  std::vector<std::pair<std::string, RepositorySubject>> repositories = {};
  std::vector<std::pair<std::string, StepSubject>> steps = {};
  std::vector<std::pair<std::string, PromotionSubject>> promotions = {};
  std::vector<std::pair<std::string, RequestSubject>> requests = {};
  std::vector<std::pair<std::string, ResponseSubject>> responses = {};
  std::vector<std::pair<std::string, EventSubject>> events = {};
};

// Runs `guards` over every subject that they have a hook for and judges the outcome under `policy` at `now`.
Result<GateReport> pass_gate(Stage stage, std::span<const Guard* const> guards, const Subjects& subjects,
                             const Policy& policy, std::int64_t now_unix_s);

// The `guards`, `findings` and `verdict` members of a gate attestation. Timings are left out: the same inputs
// attest the same bytes.
Json to_json(const GateReport& report);

}  // namespace sallyport
