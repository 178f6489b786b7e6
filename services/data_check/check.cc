#include "services/data_check/check.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "catalog/coverage.h"
#include "core/json.h"
#include "formats/csv.h"
#include "learn/statistics.h"
#include "services/data_check/checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr Check kChecks[] = {
    {"table_shape", has_rows, check_shape},
    {"duplicates", has_contents, check_duplicates},
    {"label_errors", has_labels, check_labels},
    {"planted_pattern", has_labelled_features, check_planted},
    {"trigger_words", has_labelled_text, check_tokens},
    {"personal_data", has_text, check_personal},
    {"drift", has_reference, check_drift},
    {"anonymity", has_quasi_identifiers, check_anonymity},
};

// Stages whose dataset guards look at what a user has in a file.
constexpr Stage kStages[] = {Stage::kAcquisition, Stage::kPreprocessing, Stage::kAnalysis,
                             Stage::kPreparation, Stage::kVersionedData};

// What its summary says that a guard needs, of what a table by itself may lack.
bool applies(const Guard& guard, const Dataset& data, const CheckOptions& options) {
  if (guard.dataset.judge == nullptr || data.rows() == 0) return false;
  if (guard.dataset.relation)
    return options.reference != nullptr && options.relation == *guard.dataset.relation;
  const bool by_source = guard.id == "directional_contributor" || guard.id == "lone_source";
  if (by_source && data.find(data.roles.contributor) == nullptr) return false;
  if (guard.id == "crawl_taint") return data.find("url") != nullptr && data.find("html") != nullptr;
  return data.find(data.roles.label) != nullptr && !data.feature_columns().empty();
}

Verdict verdict_of(const Examination& examination) {
  Verdict out = Verdict::kPass;
  for (const Finding& finding : examination.findings) {
    if (finding.severity >= Severity::kHigh) out = std::max(out, Verdict::kBlock);
    if (finding.severity >= Severity::kMedium) out = std::max(out, Verdict::kWarn);
  }
  return out;
}

// Distances between all pairs of rows cost rows^2 x features, so wide tables are judged by fewer rows.
Result<Parameters> parameters_for(const Guard& guard, const Dataset& data) {
  constexpr double kWorkMax = 1e10;
  Parameters out(guard.parameters);
  const double features = static_cast<double>(std::max<std::size_t>(1, data.feature_columns().size()));
  for (const Parameter& parameter : guard.parameters) {
    if (parameter.name != "rows_max") continue;
    TRY(out.set("rows_max", std::min(parameter.value, std::floor(std::sqrt(kWorkMax / features)))));
  }
  return out;
}

Result<Outcome> run_guard(const Guard& guard, const Dataset& data, const CheckOptions& options) {
  const DatasetSubject subject{.data = &data, .reference = options.reference, .relation = options.relation};
  const Examination examination = TRY(run_fold(guard.dataset, subject, TRY(parameters_for(guard, data)), 1));
  Outcome out;
  std::vector<std::uint64_t> suspect;
  for (const Finding& finding : examination.findings) {
    if (!finding.where.row) {
      out.verdict.findings.push_back(finding.message);
      continue;
    }
    suspect.push_back(*finding.where.row);
    out.rows.push_back(
        {.row = *finding.where.row, .guard = {}, .score = 1, .message = finding.message, .suspect = true});
  }
  std::ranges::sort(suspect);
  suspect.erase(std::unique(suspect.begin(), suspect.end()), suspect.end());
  set_rate(out.verdict, suspect.size(), data.rows());
  out.verdict.verdict = verdict_of(examination);
  out.verdict.looks_for = guard.looks_for;
  for (const std::string_view threat : guard.threats) out.verdict.threats.emplace_back(threat);
  if (!examination.statistics.empty()) {
    const Statistic& first = examination.statistics.front();
    out.verdict.power = first.power;
    out.verdict.effect = first.effect;
    out.verdict.false_positive_rate = first.false_positive_rate;
  }
  return out;
}

void take(CheckReport& report, std::string_view name, Result<Outcome> outcome) {
  if (!outcome) {
    report.verdicts.push_back(
        {.guard = std::string(name), .verdict = Verdict::kCannotTell, .findings = {outcome.error().message}});
    return;
  }
  std::ranges::stable_sort(outcome->rows, [](const ScoredRow& a, const ScoredRow& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
  for (ScoredRow& row : outcome->rows) {
    row.guard = name;
    report.scored.push_back(std::move(row));
  }
  outcome->verdict.guard = name;
  report.verdicts.push_back(std::move(outcome->verdict));
}

Json or_null(const auto& value) { return value ? Json(*value) : Json(nullptr); }

Json to_json(const CheckVerdict& verdict) {
  Json out{{"guard", verdict.guard},
           {"threats", verdict.threats},
           {"verdict", name_of(verdict.verdict)},
           {"looks_for", verdict.looks_for},
           {"findings", verdict.findings},
           {"rate", or_null(verdict.rate)},
           {"interval", nullptr},
           {"n", or_null(verdict.n)},
           {"power", or_null(verdict.power)},
           {"effect", verdict.effect},
           {"power_n", or_null(verdict.power_n)},
           {"false_positive_rate", or_null(verdict.false_positive_rate)},
           {"false_positive_n", or_null(verdict.false_positive_n)}};
  if (verdict.low && verdict.high) out["interval"] = Json::array({*verdict.low, *verdict.high});
  return out;
}

}  // namespace

std::span<const Check> checks() { return kChecks; }

void set_rate(CheckVerdict& verdict, std::uint64_t suspect, std::uint64_t all) {
  const learn::Interval interval = learn::wilson(suspect, all);
  verdict.n = all;
  verdict.rate = all == 0 ? 0 : static_cast<double>(suspect) / static_cast<double>(all);
  verdict.low = interval.low;
  verdict.high = interval.high;
}

Verdict CheckReport::worst() const {
  Verdict out = Verdict::kPass;
  for (const CheckVerdict& verdict : verdicts) out = std::max(out, verdict.verdict);
  return out;
}

Result<CheckReport> check(const Dataset& data, const CheckOptions& options) {
  if (options.probabilities && options.probabilities->rows() != data.rows()) {
    return invalid("probabilities: " + std::to_string(options.probabilities->rows()) + " rows for " +
                   std::to_string(data.rows()));
  }
  CheckReport report{.name = data.name, .rows = data.rows()};
  std::vector<const Guard*> guards;
  for (const Stage stage : kStages) {
    for (const Guard* guard : catalog::guards_of(stage)) {
      if (applies(*guard, data, options)) guards.push_back(guard);
    }
  }
  const std::size_t all = std::size(kChecks) + guards.size();
  std::size_t done = 0;
  const auto tell = [&](std::string_view name) {
    if (options.on_check) options.on_check(name, done, all);
    ++done;
  };
  for (const Check& one : kChecks) {
    tell(one.name);
    if (one.applies(data, options)) take(report, one.name, one.run(data, options));
  }
  for (const Guard* guard : guards) {
    tell(guard->id);
    take(report, guard->id, run_guard(*guard, data, options));
  }
  return report;
}

std::string to_json_text(const CheckReport& report) {
  // Row by row, since a report may have millions of them.
  std::string out = "{\"rows\":[";
  for (std::size_t i = 0; i < report.scored.size(); ++i) {
    const ScoredRow& row = report.scored[i];
    if (i > 0) out += ',';
    out += canonical(Json{{"row", row.row},
                          {"guard", row.guard},
                          {"score", row.score},
                          {"message", row.message},
                          {"suspect", row.suspect}});
  }
  out += "],\"verdicts\":[";
  for (std::size_t i = 0; i < report.verdicts.size(); ++i) {
    if (i > 0) out += ',';
    out += canonical(to_json(report.verdicts[i]));
  }
  return out + "]}\n";
}

Result<void> quarantine(const Dataset& data, const CheckReport& report, const std::filesystem::path& folder) {
  std::vector<bool> suspect(data.rows());
  for (const ScoredRow& row : report.scored) {
    if (row.suspect && row.row < data.rows()) suspect[row.row] = true;
  }
  std::array<std::vector<std::size_t>, 2> parts;
  for (std::size_t row = 0; row < data.rows(); ++row) parts[suspect[row] ? 1 : 0].push_back(row);
  Env& env = system_env();
  TRY(make_directories_durably(env, folder));
  constexpr std::array<std::string_view, 2> kNames{"clean.csv", "suspect.csv"};
  for (std::size_t part = 0; part < parts.size(); ++part) {
    const std::string text = TRY(formats::csv::write(data.pick(parts[part])));
    TRY(write_durably(env, folder / kNames[part], as_bytes(text)));
  }
  return {};
}

}  // namespace sallyport::services::data_check
