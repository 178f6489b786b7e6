// The single checks of services/data_check/check.h, each over the whole data set; internal to this folder.
#pragma once

#include <memory>
#include <optional>

#include "services/data_check/check.h"

namespace sallyport::services::data_check {

struct Outcome {
  CheckVerdict verdict = {};
  std::vector<ScoredRow> rows = {};
  std::vector<bool> marked = {};  // every suspect row, where not all are listed
  double pairs = 0;               // of equal rows
};

class RowCheck;
struct Room;

// One check: whether it has something to look at, and either the look at all rows together or the one that
// takes them part by part (row_checks.h). `Dataset`s of `applies` and `by_row` may be without rows.
struct Check {
  std::string_view name;
  bool (*applies)(const Dataset&, const CheckOptions&);
  Result<Outcome> (*together)(const Dataset&, const CheckOptions&) = nullptr;
  Result<std::unique_ptr<RowCheck>> (*by_row)(const Dataset&, const Room&, const CheckOptions&) = nullptr;
};
std::span<const Check> checks();

// Guards: which apply, with what, and what they say.
Result<Parameters> parameters_for(const Guard& guard, const Dataset& head, double row_bytes,
                                  std::size_t bytes);  // 0: as much as it likes
bool applies(const Guard& guard, const Dataset& head, std::uint64_t rows, const CheckOptions& options);
std::vector<const Guard*> guards_for(const Dataset& head, std::uint64_t rows, const CheckOptions& options);
Outcome outcome_of(const Guard& guard, const Examination& examination, std::uint64_t rows);
void take(CheckReport& report, std::string_view name, Result<Outcome> outcome);

// checks_labels.cc
bool has_labels(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_labels(const Dataset& data, const CheckOptions& options);
bool has_labelled_text(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_tokens(const Dataset& data, const CheckOptions& options);
// checks_planted.cc
bool has_labelled_features(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_planted(const Dataset& data, const CheckOptions& options);
// checks_rows.cc
bool has_rows(const Dataset& data, const CheckOptions& options);
bool has_contents(const Dataset& data, const CheckOptions& options);
bool has_text(const Dataset& data, const CheckOptions& options);
// checks_copies.cc
// What of the copies chance explains, and texts that are nearly copies: judged on rows that are in memory.
void judge_copies(const Dataset& data, std::uint64_t rows, const CheckOptions& options, Outcome& out);
// checks_whole.cc
bool has_reference(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_drift(const Dataset& data, const CheckOptions& options);
bool has_quasi_identifiers(const Dataset& data, const CheckOptions& options);

// checks_transforms.cc
bool has_transforms(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_transforms(const Dataset& data, const CheckOptions& options);

// Sets rate, interval and sample size from the share of suspect rows.
void set_rate(CheckVerdict& verdict, std::uint64_t suspect, std::uint64_t all);

}  // namespace sallyport::services::data_check
