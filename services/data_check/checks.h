// The single checks of services/data_check/check.h, each over the whole data set; internal to this folder.
#pragma once

#include <optional>

#include "services/data_check/check.h"

namespace sallyport::services::data_check {

struct Outcome {
  CheckVerdict verdict = {};
  std::vector<ScoredRow> rows = {};
};

// One check: whether it has something to look at, and the look.
struct Check {
  std::string_view name;
  bool (*applies)(const Dataset&, const CheckOptions&);
  Result<Outcome> (*run)(const Dataset&, const CheckOptions&);
};
std::span<const Check> checks();

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
Result<Outcome> check_duplicates(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_shape(const Dataset& data, const CheckOptions& options);
bool has_text(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_personal(const Dataset& data, const CheckOptions& options);
// checks_whole.cc
bool has_reference(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_drift(const Dataset& data, const CheckOptions& options);
bool has_quasi_identifiers(const Dataset& data, const CheckOptions& options);
Result<Outcome> check_anonymity(const Dataset& data, const CheckOptions& options);

// Sets rate, interval and sample size from the share of suspect rows.
void set_rate(CheckVerdict& verdict, std::uint64_t suspect, std::uint64_t all);

}  // namespace sallyport::services::data_check
