#include "services/tracking/notary.h"

#include "trust/predicates.h"

namespace sallyport::services::tracking {
Result<std::unique_ptr<Notary>> Notary::open(Env& env, const fs::path& root) {
  if (!env.exists(root / trust::kWorkspaceFolder / "root.json")) {
    TRY(trust::create_workspace(env, root, {.log_origin = "sallyport.dev/registry"}));
  }
  const trust::Workspace workspace = TRY(trust::Workspace::open(env, root));
  trust::Root trusted = TRY(workspace.load_root());
  trust::Ledger ledger = TRY(workspace.open_ledger(trusted));
  trust::PrivateKey registrar = TRY(workspace.load_key("registrar", trusted));
  trust::PrivateKey log_key = TRY(workspace.load_key("log", trusted));
  std::unique_ptr<Notary> notary(
      new Notary(std::move(trusted), std::move(ledger), std::move(registrar), std::move(log_key)));
  for (const trust::LedgerEntry& entry : notary->ledger_.entries()) {
    TRY(notary->promises_.absorb(entry, notary->root_));
  }
  return notary;
}

Result<std::uint64_t> Notary::log(const Digest& subject, const std::string& name, std::string_view type,
                                  const Json& predicate) {
  trust::Statement statement;
  statement.subjects = {{name, subject}};
  statement.predicate_type = type;
  statement.predicate = predicate;
  return batcher_.submit(trust::sign_statement(statement, std::span(&registrar_, 1)));
}

// In the order of the log, which is that of the batch but for a statement that was made before.
Result<std::vector<std::uint64_t>> Notary::commit(std::span<const trust::Envelope> envelopes) {
  const std::scoped_lock lock(mutex_);
  const std::size_t known = ledger_.entries().size();
  std::vector<std::uint64_t> indices = TRY(ledger_.add(envelopes, log_key_));
  for (const trust::LedgerEntry& entry : std::span(ledger_.entries()).subspan(known)) {
    TRY(promises_.absorb(entry, root_));
  }
  return indices;
}

Result<std::uint64_t> Notary::seal(const VersionName& name, const Digest& manifest) {
  const trust::VersionPredicate version{.model = name.model, .version = name.version};
  return log(manifest, name.model, trust::predicate::kVersion, trust::to_json(version));
}

Result<std::uint64_t> Notary::attest_gate(const VersionName& name, const Digest& manifest, const Json& result,
                                          bool passed) {
  return log(manifest, name.model, kGateResult,
             Json{{"model", name.model}, {"version", name.version}, {"passed", passed}, {"files", result}});
}

Result<std::uint64_t> Notary::move_alias(const std::string& model, const std::string& alias,
                                         std::int64_t version, const Digest& manifest,
                                         const Json& approvers) {
  Json move{{"model", model}, {"alias", alias}, {"version", version}, {"approvers", approvers}};
  {
    // Two moves that say the same are still two moves.
    const std::scoped_lock lock(mutex_);
    move["sequence"] = ledger_.entries().size();
  }
  return log(manifest, model, kAliasMove, move);
}

std::optional<Promise> Notary::promise(const VersionName& name) const {
  const std::scoped_lock lock(mutex_);
  return promises_.promise(name);
}

std::int64_t Notary::last_version(const std::string& model) const {
  const std::scoped_lock lock(mutex_);
  return promises_.last_version(model);
}

std::optional<std::int64_t> Notary::alias(const std::string& model, const std::string& alias) const {
  const std::scoped_lock lock(mutex_);
  return promises_.alias(model, alias);
}

Json Notary::published() {
  const std::scoped_lock lock(mutex_);
  Json envelopes = Json::array();
  for (const trust::LedgerEntry& entry : ledger_.entries())
    envelopes.push_back(trust::serialize(entry.envelope));
  // Witnesses may have cosigned it since it was written.
  trust::Log now = ledger_.log();
  const bool same = now.refresh() && now.size() == ledger_.log().size();
  return {{"checkpoint", (same ? now : ledger_.log()).signed_checkpoint()},
          {"envelopes", std::move(envelopes)}};
}

}  // namespace sallyport::services::tracking
