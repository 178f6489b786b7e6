#include "services/data_check/check.h"

#include <algorithm>
#include <cmath>

#include "catalog/coverage.h"
#include "core/json.h"
#include "learn/sample_fold.h"
#include "learn/statistics.h"
#include "learn/two_sided.h"
#include "services/data_check/row_checks.h"

namespace sallyport::services::data_check {
namespace {

constexpr Check kChecks[] = {
    {.name = "table_shape", .applies = has_rows, .by_row = shape_check},
    {.name = "duplicates", .applies = has_contents, .by_row = copies_check},
    {.name = "label_errors", .applies = has_labels, .together = check_labels},
    {.name = "planted_pattern", .applies = has_labelled_features, .together = check_planted},
    {.name = "trigger_words", .applies = has_labelled_text, .together = check_tokens},
    {.name = "personal_data", .applies = has_text, .by_row = personal_check},
    {.name = "declared_transforms", .applies = has_transforms, .together = check_transforms},
    {.name = "drift", .applies = has_reference, .together = check_drift},
    {.name = "anonymity", .applies = has_quasi_identifiers, .by_row = classes_check},
};

// Stages whose dataset guards look at what a user has in a file.
constexpr Stage kStages[] = {Stage::kAcquisition, Stage::kPreprocessing, Stage::kAnalysis,
                             Stage::kPreparation, Stage::kVersionedData};

Verdict verdict_of(const Examination& examination) {
  Verdict out = Verdict::kPass;
  for (const Finding& finding : examination.findings) {
    if (finding.severity >= Severity::kHigh) out = std::max(out, Verdict::kBlock);
    if (finding.severity >= Severity::kMedium) out = std::max(out, Verdict::kWarn);
  }
  return out;
}

Result<Outcome> run_guard(const Guard& guard, const Dataset& data, const CheckOptions& options) {
  const DatasetSubject subject{.data = &data, .reference = options.reference, .relation = options.relation};
  const Parameters parameters = TRY(parameters_for(guard, data, 0, 0));
  return outcome_of(guard, TRY(run_fold(guard.dataset, subject, parameters, 1)), data.rows());
}

// A check that takes parts gets all rows as one.
Result<Outcome> run_by_row(const Check& check, const Dataset& data, const CheckOptions& options) {
  constexpr std::size_t kEverything = std::size_t{1} << 46;
  const Room room{.rows = data.rows(), .bytes = kEverything, .listed_max = data.rows()};
  const std::unique_ptr<RowCheck> rows = TRY(check.by_row(data, room, options));
  TRY(rows->add(data));
  if (options.reference != nullptr) TRY(rows->add_reference(*options.reference));
  if (rows->again()) TRY(rows->add_again(data));
  Outcome out = TRY(rows->finish());
  if (check.by_row == copies_check) judge_copies(data, data.rows(), options, out);
  return out;
}

// Why a guard says no power or no rate of false alarms of itself.
std::string why_unmeasured(const Guard& guard, const Examination& examination) {
  constexpr std::pair<std::string_view, std::string_view> kAlways[] = {
      {"identifier_residue",
       "a number that passes its checksum by chance, as one in ten passes Luhn's, is not told from a real "
       "one, so its rate of false alarms is that of the numbers in the table"},
      {"crawl_taint",
       "digests and what is out of sight are compared exactly; how many honest pages hide text is not known "
       "from these"}};
  for (const auto& [id, why] : kAlways) {
    if (guard.id == id) return std::string(why);
  }
  // What had nothing to look at says so, as a finding or as the effect that it could not measure.
  for (const Statistic& statistic : examination.statistics) {
    if (!statistic.power && !statistic.effect.empty()) return statistic.effect;
  }
  for (const Finding& finding : examination.findings) {
    if (finding.severity == Severity::kInfo) return finding.message;
  }
  return "too few rows to draw samples of";
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
           {"false_positive_n", or_null(verdict.false_positive_n)},
           {"unmeasured", verdict.unmeasured}};
  if (verdict.low && verdict.high) out["interval"] = Json::array({*verdict.low, *verdict.high});
  return out;
}

}  // namespace

std::span<const Check> checks() { return kChecks; }

// What its summary says that a guard needs, of what a table by itself may lack.
bool applies(const Guard& guard, const Dataset& head, std::uint64_t rows, const CheckOptions& options) {
  if (guard.dataset.judge == nullptr || rows == 0) return false;
  if (guard.dataset.relation)
    return options.reference != nullptr && options.relation == *guard.dataset.relation;
  const bool by_source = guard.id == "directional_contributor" || guard.id == "lone_source";
  if (by_source && head.find(head.roles.contributor) == nullptr) return false;
  if (guard.id == "crawl_taint") return head.find("url") != nullptr && head.find("html") != nullptr;
  return head.find(head.roles.label) != nullptr && !head.feature_columns().empty();
}

std::vector<const Guard*> guards_for(const Dataset& head, std::uint64_t rows, const CheckOptions& options) {
  std::vector<const Guard*> out;
  for (const Stage stage : kStages) {
    for (const Guard* guard : catalog::guards_of(stage)) {
      if (applies(*guard, head, rows, options)) out.push_back(guard);
    }
  }
  return out;
}

// Distances between all pairs of rows cost rows^2 x features, so wide tables are judged by fewer rows; and no
// guard keeps more than its share of the memory, where that is given.
Result<Parameters> parameters_for(const Guard& guard, const Dataset& head, double row_bytes,
                                  std::size_t bytes) {
  constexpr double kWorkMax = 1e10;
  constexpr double kEntryBytes = 400;  // of a row that is joined by its digests, both sides and their indices
  constexpr double kCellBytes = 100;
  Parameters out(guard.parameters);
  const double features = static_cast<double>(std::max<std::size_t>(1, head.feature_columns().size()));
  const auto bound = [&](const Parameter& parameter, double most) {
    return out.set(parameter.name, std::max(1.0, std::min(out.get(parameter.name), std::floor(most))));
  };
  const bool joins =
      guard.dataset.summarise != learn::summarise_sample && guard.dataset.summarise != learn::summarise_sides;
  for (const Parameter& parameter : guard.parameters) {
    const double room = static_cast<double>(bytes);
    if (parameter.name == "rows_max") {
      if (parameter.value <= 100'000) TRY(bound(parameter, std::sqrt(kWorkMax / features)));
      // Samples of both sides, what is being merged, and what is computed of them.
      if (bytes > 0) TRY(bound(parameter, room / std::max(6 * row_bytes, joins ? kEntryBytes : 1)));
    }
    if (bytes > 0 && parameter.name == "entries_max") TRY(bound(parameter, room / kEntryBytes / 2));
    if (bytes > 0 && parameter.name == "cells_max")
      TRY(bound(parameter, room / kCellBytes / static_cast<double>(head.columns.size())));
  }
  return out;
}

Outcome outcome_of(const Guard& guard, const Examination& examination, std::uint64_t rows) {
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
  set_rate(out.verdict, suspect.size(), rows);
  out.verdict.verdict = verdict_of(examination);
  out.verdict.looks_for = guard.looks_for;
  for (const std::string_view threat : guard.threats) out.verdict.threats.emplace_back(threat);
  const auto measured = std::ranges::find_if(
      examination.statistics, [](const Statistic& statistic) { return statistic.power.has_value(); });
  if (measured != examination.statistics.end()) {
    out.verdict.power = measured->power;
    out.verdict.effect = measured->effect;
    out.verdict.false_positive_rate = measured->false_positive_rate;
  }
  if (!out.verdict.power || !out.verdict.false_positive_rate)
    out.verdict.unmeasured = why_unmeasured(guard, examination);
  return out;
}

void take(CheckReport& report, std::string_view name, Result<Outcome> outcome) {
  if (!outcome) {
    report.verdicts.push_back({.guard = std::string(name),
                               .verdict = Verdict::kCannotTell,
                               .findings = {outcome.error().message},
                               .unmeasured = "it could not tell"});
    return;
  }
  std::ranges::stable_sort(outcome->rows, [](const ScoredRow& a, const ScoredRow& b) {
    return a.score != b.score ? a.score > b.score : a.row < b.row;
  });
  report.suspect.resize(static_cast<std::size_t>(report.rows));
  for (std::size_t row = 0; row < outcome->marked.size(); ++row) {
    if (outcome->marked[row]) report.suspect[row] = true;
  }
  for (ScoredRow& row : outcome->rows) {
    row.guard = name;
    if (row.suspect && row.row < report.suspect.size()) report.suspect[row.row] = true;
    report.scored.push_back(std::move(row));
  }
  outcome->verdict.guard = name;
  report.verdicts.push_back(std::move(outcome->verdict));
}

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

void name_rows(const Dataset& data, std::span<ScoredRow> rows) {
  const Column* ids = data.find(data.roles.id);
  if (ids == nullptr || ids->numeric) return;
  for (ScoredRow& row : rows) {
    if (row.suspect && row.row < ids->texts.size()) row.id = ids->texts[row.row];
  }
}

Result<CheckReport> check(const Dataset& data, const CheckOptions& options) {
  if (options.probabilities && options.probabilities->rows() != data.rows()) {
    return invalid("probabilities: " + std::to_string(options.probabilities->rows()) + " rows for " +
                   std::to_string(data.rows()));
  }
  CheckReport report{.name = data.name,
                     .rows = data.rows(),
                     .memory_bytes = options.memory_bytes,
                     .label = data.roles.label};
  const std::vector<const Guard*> guards = guards_for(data, data.rows(), options);
  const std::size_t all = std::size(kChecks) + guards.size();
  std::size_t done = 0;
  const auto tell = [&](std::string_view name) {
    if (options.on_check) options.on_check(name, done, all);
    ++done;
  };
  for (const Check& one : kChecks) {
    tell(one.name);
    if (data.rows() == 0 || !one.applies(data, options)) continue;
    take(report, one.name,
         one.by_row != nullptr ? run_by_row(one, data, options) : one.together(data, options));
  }
  for (const Guard* guard : guards) {
    tell(guard->id);
    take(report, guard->id, run_guard(*guard, data, options));
  }
  name_rows(data, report.scored);
  return report;
}

std::string to_json_text(const CheckReport& report) {
  // Row by row, since a report may have millions of them.
  std::string out = "{\"rows\":[";
  for (std::size_t i = 0; i < report.scored.size(); ++i) {
    const ScoredRow& row = report.scored[i];
    if (i > 0) out += ',';
    Json one{{"row", row.row},
             {"guard", row.guard},
             {"score", row.score},
             {"message", row.message},
             {"suspect", row.suspect}};
    if (!row.id.empty()) one["id"] = row.id;
    out += canonical(one);
  }
  out += "],\"verdicts\":[";
  for (std::size_t i = 0; i < report.verdicts.size(); ++i) {
    if (i > 0) out += ',';
    out += canonical(to_json(report.verdicts[i]));
  }
  return out + "],\"table\":" +
         canonical(Json{{"name", report.name},
                        {"rows", report.rows},
                        {"sampled", report.sampled == 0 ? report.rows : report.sampled},
                        {"label", report.label},
                        {"memory_bytes", report.memory_bytes}}) +
         "}\n";
}

}  // namespace sallyport::services::data_check
