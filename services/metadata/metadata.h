// The metadata store: what was measured of which model, readable with any SQLite client.
//
// Each row is a line of a signed evaluation in the ledger and names it; nothing is decided by the database. A
// metric is corrected by a newer signed statement, never by an edit.
#pragma once

#include <string>
#include <vector>

#include "services/sqlite/mirror.h"
#include "trust/workspace.h"

namespace sallyport::services::metadata {

struct Metric {
  Digest model;
  std::string name;
  double value = 0;
  std::uint64_t log_index = 0;
  Digest statement;  // SHA-256 of the envelope
};

// Every metric of every evaluation that the evaluator role signed, in log order.
Result<std::vector<Metric>> signed_metrics(const trust::Ledger& ledger, const trust::Root& root);
// The newest signed value. ErrorKind::kNotFound when nothing was signed.
Result<Metric> current_metric(const trust::Ledger& ledger, const trust::Root& root, const Digest& model,
                              const std::string& name);

// Brings the database in line with the ledger.
Result<void> sync(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root);
// ErrorKind::kDenied when a row is not what its statement says.
Result<void> check(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root);

}  // namespace sallyport::services::metadata
