#include "services/scan/attest.h"

#include <set>

#include "catalog/coverage.h"
#include "services/version.h"
#include "trust/statement.h"

namespace sallyport::services::scan {
namespace {

Json guards_json() {
  Json out = Json::array();
  for (const catalog::GuardEntry& entry : catalog::guards()) {
    if (entry.guard->file == nullptr) continue;
    out.push_back({{"id", entry.guard->id},
                   {"version", entry.guard->version},
                   {"looks_for", entry.guard->looks_for}});
  }
  return out;
}

}  // namespace

Result<std::string> attest(const ScanReport& report, const trust::PrivateKey& key) {
  trust::Statement statement;
  statement.predicate_type = std::string(kScanPredicate);
  std::set<std::string> names;
  for (const ScannedFile& file : report.files) {
    if (file.sha256.empty() || !file.commit.empty() || !names.insert(file.path).second) continue;
    statement.subjects.push_back({file.path, TRY(Digest::parse(file.sha256))});
  }
  if (statement.subjects.empty()) return invalid("scan: no file was read, so there is nothing to attest");
  statement.predicate = {{"scanner", {{"name", "sallyport"}, {"version", kVersion}}},
                         {"startedOn", report.started},
                         {"guards", guards_json()},
                         {"files", to_json(report).at("files")}};
  return trust::serialize(trust::sign_statement(statement, std::span(&key, 1)));
}

}  // namespace sallyport::services::scan
