// sallyport data check: everything that can be said about a data set by itself, and beside a reference.
//
// A check ranks rows, or judges the whole, or both. The guards of the four data stages that apply run too, as
// they do in a gate. A check that does not apply (no labels, no text, no reference) is left out; one that
// applies and cannot tell says why. Deterministic for a seed; uses all cores unless told otherwise.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/gate.h"
#include "core/limits/tables.h"
#include "learn/confident.h"
#include "learn/transforms.h"
#include "services/data_check/source.h"

namespace sallyport::services::data_check {

struct ScoredRow {
  std::uint64_t row = 0;
  std::string id = {};  // of a suspect row whose table names its rows: a picture's file, the column of ids
  std::string guard = {};
  double score = 0;  // larger is more suspect; comparable within a guard
  std::string message = {};
  bool suspect = false;        // goes to quarantine
  std::string given = {};      // its label, where the check is about labels
  std::string suggested = {};  // the label that it looks like
};

struct CheckVerdict {
  std::string guard = {};
  std::vector<std::string> threats = {};
  Verdict verdict = Verdict::kPass;
  std::string looks_for = {};
  std::vector<std::string> findings = {};  // of the whole, worst first; or why it cannot be told
  std::vector<std::string> columns = {};   // that the findings are about, worst first
  std::optional<double> rate = {};         // of suspect rows, or of columns that drifted
  std::optional<double> low = {};          // its 95 % interval
  std::optional<double> high = {};
  std::optional<std::uint64_t> n = {};
  std::optional<double> power = {};
  std::string effect = {};                    // at which `power` holds
  std::optional<std::uint64_t> power_n = {};  // trials that measured it; absent: it follows from the method
  std::optional<double> false_positive_rate = {};
  std::optional<std::uint64_t> false_positive_n = {};  // likewise
  std::string unmeasured = {};  // why power or rate of false alarms is absent; not empty when one is
};

struct CheckReport {
  std::string name = {};
  std::uint64_t rows = 0;
  std::uint64_t sampled = 0;           // of them, by the checks that look at rows together; 0: all
  std::uint64_t memory_bytes = 0;      // that it kept to
  std::string label = {};              // the column that was taken for it
  std::vector<ScoredRow> scored = {};  // by guard, then most suspect first
  std::vector<bool> suspect = {};      // of every row, listed or not
  std::vector<CheckVerdict> verdicts = {};

  Verdict worst() const;
};

struct CheckOptions {
  const Dataset* reference = nullptr;
  Relation relation = Relation::kTraining;
  std::optional<learn::Probabilities> probabilities = {};  // out of sample, one row a row
  std::vector<std::string> quasi_identifiers = {};
  std::string sensitive = {};
  std::size_t k_min = 5;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  std::size_t memory_bytes = limits::kDataMemoryBytes;
  // What the step between the reference and the table may do; the reference is then the table before it.
  std::optional<std::vector<learn::Transform>> transforms = {};
  std::vector<std::uint64_t> row_numbers = {};  // of the rows, when they are a sample
  std::function<void(std::string_view check, std::size_t done, std::size_t all)> on_check = {};
  // Told what share of the check that runs is done, from any thread; not by every check.
  std::function<void(double share)> on_share = {};
};

// Gives suspect rows their ids; their numbers are places in `data`.
void name_rows(const Dataset& data, std::span<ScoredRow> rows);

Result<CheckReport> check(const Dataset& data, const CheckOptions& options);

// The same of a table that need not fit in memory: rows are looked at one by one as they are read; what looks
// at rows together (labels, patterns, drift, most guards) does so for as many as `memory_bytes` allow, drawn
// by number and seed. `data` and `reference` are what it looked at.
struct Checked {
  CheckReport report = {};
  Dataset data = {};
  std::optional<Dataset> reference = {};
  std::vector<std::uint64_t> row_numbers = {};  // of `data`, when it is a sample
};
Result<Checked> check(Table& table, Table* reference, CheckOptions options);

// {"rows": [{"row", "guard", "score", "message", "suspect"}], "verdicts": [...]}, as one line.
std::string to_json_text(const CheckReport& report);

// Writes the rows that nothing was found about to clean.csv and the others to suspect.csv.
Result<void> quarantine(Table& table, const CheckReport& report, const std::filesystem::path& folder);

}  // namespace sallyport::services::data_check
