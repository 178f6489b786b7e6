#include "services/tracking/notary.h"

#include "trust/predicates.h"

namespace sallyport::services::tracking {
namespace {

constexpr std::string_view kRegistrarOnly[] = {trust::role::kRegistrar};

}  // namespace

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
  for (const trust::LedgerEntry& entry : notary->ledger_.entries()) TRY(notary->absorb(entry));
  return notary;
}

// A statement that the registrar did not sign promises nothing. The first word on a version stands: its bytes
// are never changed, and neither is what its gate said.
Result<void> Notary::absorb(const trust::LedgerEntry& entry) {
  const trust::Statement& statement = entry.statement;
  const bool ours = statement.predicate_type == trust::predicate::kVersion ||
                    statement.predicate_type == kGateResult || statement.predicate_type == kAliasMove;
  if (!ours || !trust::verify_envelope(entry.envelope, root_, kRegistrarOnly)) return {};
  const Json& said = statement.predicate;
  const std::string model = TRY(get_string(said, "model"));
  const VersionName name{model, TRY(get_int(said, "version"))};
  if (statement.predicate_type == kAliasMove) {
    const std::string alias = TRY(get_string(said, "alias"));
    if (name.version == 0) {
      aliases_.erase({model, alias});
    } else {
      aliases_[{model, alias}] = name.version;
    }
    return {};
  }
  const Digest subject = statement.subjects.front().digest;
  if (statement.predicate_type == trust::predicate::kVersion) {
    promises_.emplace(name, Promise{.manifest = subject});
    return {};
  }
  const auto promised = promises_.find(name);
  if (promised == promises_.end() || promised->second.manifest != subject) return {};
  promised->second.gate_passed = TRY(get_bool(said, "passed"));
  return {};
}

Result<std::uint64_t> Notary::log(const Digest& subject, const std::string& name, std::string_view type,
                                  const Json& predicate) {
  trust::Statement statement;
  statement.subjects = {{name, subject}};
  statement.predicate_type = type;
  statement.predicate = predicate;
  const trust::Envelope envelope = trust::sign_statement(statement, std::span(&registrar_, 1));
  const std::scoped_lock lock(mutex_);
  const std::uint64_t index = TRY(ledger_.add(envelope, log_key_));
  if (index < ledger_.entries().size()) TRY(absorb(ledger_.entries()[index]));
  return index;
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
  const auto found = promises_.find(name);
  return found == promises_.end() ? std::nullopt : std::optional(found->second);
}

std::int64_t Notary::last_version(const std::string& model) const {
  const std::scoped_lock lock(mutex_);
  std::int64_t last = 0;
  for (auto at = promises_.lower_bound({model, 0}); at != promises_.end() && at->first.model == model; ++at) {
    last = at->first.version;
  }
  return last;
}

std::optional<std::int64_t> Notary::alias(const std::string& model, const std::string& alias) const {
  const std::scoped_lock lock(mutex_);
  const auto found = aliases_.find({model, alias});
  return found == aliases_.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace sallyport::services::tracking
