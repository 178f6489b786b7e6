#include "services/metadata/metadata.h"

#include "trust/predicates.h"

namespace sallyport::services::metadata {
namespace {

Result<sqlite::MirrorTable> table_of(const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::MirrorTable table{.name = "metrics",
                            .columns = {"model TEXT NOT NULL", "name TEXT NOT NULL", "value REAL NOT NULL",
                                        "log_index INTEGER NOT NULL", "statement TEXT NOT NULL"},
                            .expected = {}};
  for (const Metric& metric : TRY(signed_metrics(ledger, root))) {
    table.expected.push_back({metric.model.hex(), metric.name, metric.value,
                              static_cast<std::int64_t>(metric.log_index), metric.statement.hex()});
  }
  return table;
}

}  // namespace

Result<std::vector<Metric>> signed_metrics(const trust::Ledger& ledger, const trust::Root& root) {
  const std::string_view roles[] = {trust::role::kEvaluator};
  std::vector<Metric> out;
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kEvaluation)) {
    if (!trust::verify_envelope(entry->envelope, root, roles)) continue;
    const trust::EvaluationPredicate evaluation = TRY(trust::parse_evaluation(entry->statement.predicate));
    for (const trust::NamedDigest& subject : entry->statement.subjects) {
      for (const auto& [name, value] : evaluation.metrics.items()) {
        if (!value.is_number()) continue;
        out.push_back({subject.digest, name, value.get<double>(), entry->index, entry->envelope_digest});
      }
    }
  }
  return out;
}

Result<Metric> current_metric(const trust::Ledger& ledger, const trust::Root& root, const Digest& model,
                              const std::string& name) {
  const std::vector<Metric> all = TRY(signed_metrics(ledger, root));
  for (auto it = all.rbegin(); it != all.rend(); ++it) {
    if (it->model == model && it->name == name) return *it;
  }
  return fail(ErrorKind::kNotFound,
              "metadata: nobody signed a value of " + name + " for sha256:" + model.brief() + "...");
}

Result<void> sync(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::Database database = TRY(sqlite::Database::open(workspace.metadata_database()));
  return sqlite::sync(database, TRY(table_of(ledger, root)));
}

Result<void> check(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::Database database = TRY(sqlite::Database::open(workspace.metadata_database()));
  TRY(database.check_structure());
  return sqlite::check(database, TRY(table_of(ledger, root)));
}

}  // namespace sallyport::services::metadata
