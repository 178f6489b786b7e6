#include "services/scan/registered.h"

#include <map>
#include <set>

#include "core/json.h"
#include "trust/chain.h"
#include "trust/predicates.h"
#include "trust/retirement.h"
#include "trust/workspace.h"

namespace sallyport::services::scan {
namespace {

std::set<std::string> models_of(const trust::Ledger& ledger) {
  std::set<std::string> out;
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kVersion)) {
    if (const auto said = trust::parse_version(entry->statement.predicate)) out.insert(said->model);
  }
  return out;
}

}  // namespace

Result<std::vector<RepositoryFile>> read_registered(Env& env, const fs::path& project) {
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, project));
  const trust::Root root = TRY(workspace.load_root());
  const trust::Ledger ledger = TRY(workspace.open_ledger(root));
  const trust::Store store = workspace.store();
  Json files = Json::object();
  for (const std::string& model : models_of(ledger)) {
    const std::int64_t floor = trust::version_floor(ledger, root, model);
    for (const auto& [number, version] : TRY(trust::model_versions(ledger, root, model))) {
      const std::string name =
          "version " + std::to_string(number) + " of " + model + (number < floor ? ", which is retired" : "");
      if (!TRY(store.is_directory(version.artifact))) {
        files[version.artifact.hex()] = name;
        continue;
      }
      const trust::Manifest manifest = TRY(store.manifest(version.artifact));
      for (const trust::ManifestEntry& entry : manifest.entries) files[entry.sha256.hex()] = name;
    }
  }
  const Json document{{"files", std::move(files)}};
  return std::vector<RepositoryFile>{
      {.path = "/evidence/registry.json", .bytes = to_bytes(canonical(document))}};
}

}  // namespace sallyport::services::scan
