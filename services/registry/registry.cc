#include "services/registry/registry.h"

#include <algorithm>

#include "trust/predicates.h"

namespace sallyport::services::registry {
namespace {

fs::path proposal_file(const trust::Workspace& workspace, const std::string& model,
                       const std::string& alias) {
  return workspace.state() / "proposals" / (model + "@" + alias + ".json");
}

Result<void> check_word(const std::string& what, const std::string& text) {
  const bool plain =
      !text.empty() && text.size() <= 64 && text.front() != '.' &&
      std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
      });
  if (plain) return {};
  return invalid(what + ": '" + text + "' is not a plain word: lower-case letters, digits, - _ . only");
}

Result<std::vector<sqlite::MirrorTable>> tables_of(const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::MirrorTable versions{
      .name = "versions",
      .columns = {"model TEXT NOT NULL", "version INTEGER NOT NULL", "artifact TEXT NOT NULL",
                  "log_index INTEGER NOT NULL", "statement TEXT NOT NULL"},
      .expected = {}};
  sqlite::MirrorTable aliases{
      .name = "aliases",
      .columns = {"model TEXT NOT NULL", "alias TEXT NOT NULL", "version INTEGER NOT NULL",
                  "sequence INTEGER NOT NULL", "artifact TEXT NOT NULL", "log_index INTEGER NOT NULL",
                  "statement TEXT NOT NULL"},
      .expected = {}};
  const std::string_view registrar[] = {trust::role::kRegistrar};
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kVersion)) {
    if (!trust::verify_envelope(entry->envelope, root, registrar)) continue;
    const trust::VersionPredicate version = TRY(trust::parse_version(entry->statement.predicate));
    versions.expected.push_back({version.model, version.version,
                                 entry->statement.subjects.front().digest.hex(),
                                 static_cast<std::int64_t>(entry->index), entry->envelope_digest.hex()});
  }
  const std::string_view approver[] = {trust::role::kApprover};
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kAlias)) {
    if (!trust::verify_envelope(entry->envelope, root, approver)) continue;
    const trust::AliasPredicate alias = TRY(trust::parse_alias(entry->statement.predicate));
    aliases.expected.push_back({alias.model, alias.alias, alias.version, alias.sequence,
                                entry->statement.subjects.front().digest.hex(),
                                static_cast<std::int64_t>(entry->index), entry->envelope_digest.hex()});
  }
  return std::vector<sqlite::MirrorTable>{std::move(versions), std::move(aliases)};
}

}  // namespace

Result<VersionOffer> offer_version(const trust::Ledger& ledger, const trust::Root& root,
                                   const std::string& model, const Digest& artifact) {
  TRY(check_word("model", model));
  VersionOffer offer;
  for (const auto& [number, version] : TRY(trust::model_versions(ledger, root, model))) {
    if (version.artifact == artifact) {
      offer.version = number;
      offer.registered = true;
      break;
    }
    offer.version = std::max(offer.version, number);
  }
  if (!offer.registered) ++offer.version;
  offer.statement = {{{"exported", artifact}},
                     std::string(trust::predicate::kVersion),
                     trust::to_json(trust::VersionPredicate{.model = model, .version = offer.version})};
  return offer;
}

Result<trust::Statement> offer_alias(const trust::Ledger& ledger, const std::string& model,
                                     const std::string& alias, std::int64_t version, const Digest& artifact,
                                     std::int64_t now_unix_s) {
  TRY(check_word("model", model));
  TRY(check_word("alias", alias));
  std::int64_t sequence = 0;
  for (const trust::LedgerEntry* entry : ledger.find_type(trust::predicate::kAlias)) {
    const auto seen = trust::parse_alias(entry->statement.predicate);
    if (seen && seen->model == model && seen->alias == alias) sequence = std::max(sequence, seen->sequence);
  }
  const trust::AliasPredicate move{.model = model,
                                   .alias = alias,
                                   .version = version,
                                   .sequence = sequence + 1,
                                   .expires_unix_s = now_unix_s + kAliasValidS};
  return trust::Statement{
      {{"exported", artifact}}, std::string(trust::predicate::kAlias), trust::to_json(move)};
}

Result<SignedClaim> claim_of(const trust::Envelope& envelope, const trust::Root& root) {
  const std::set<std::string> signers = TRY(trust::verify_signatures(envelope, root));
  const trust::Statement statement = TRY(trust::statement_of(envelope));
  SignedClaim claim{.predicate_type = statement.predicate_type, .predicate = statement.predicate};
  for (const trust::NamedDigest& subject : statement.subjects) claim.subjects.push_back(subject.digest);
  for (const std::string& keyid : signers) {
    claim.signers.push_back(root.name_of_key(keyid));
    for (std::string& role : root.roles_of(keyid)) claim.roles.push_back(std::move(role));
  }
  return claim;
}

std::vector<SignedClaim> claims_about(const trust::Ledger& ledger, const trust::Root& root,
                                      const std::vector<Digest>& subjects) {
  std::vector<SignedClaim> out;
  for (const trust::LedgerEntry& entry : ledger.entries()) {
    const bool about = std::any_of(subjects.begin(), subjects.end(), [&](const Digest& subject) {
      return entry.statement.has_subject(subject);
    });
    if (!about) continue;
    auto claim = claim_of(entry.envelope, root);
    if (!claim) continue;
    claim->log_index = static_cast<std::int64_t>(entry.index);
    out.push_back(std::move(*claim));
  }
  return out;
}

Result<std::optional<trust::Envelope>> proposal_of(const trust::Workspace& workspace,
                                                   const std::string& model, const std::string& alias) {
  TRY(check_word("model", model));
  TRY(check_word("alias", alias));
  const fs::path file = proposal_file(workspace, model, alias);
  if (!workspace.env->exists(file)) return std::optional<trust::Envelope>{};
  auto envelope = trust::parse_envelope(TRY(workspace.env->read_file(file, limits::kStatementBytesMax)));
  if (!envelope) return within(file.string(), envelope.error());
  return std::optional(std::move(*envelope));
}

Result<void> keep_proposal(const trust::Workspace& workspace, const trust::Envelope& envelope) {
  const trust::Statement statement = TRY(trust::statement_of(envelope));
  const trust::AliasPredicate move = TRY(trust::parse_alias(statement.predicate));
  TRY(check_word("model", move.model));
  TRY(check_word("alias", move.alias));
  const fs::path file = proposal_file(workspace, move.model, move.alias);
  TRY(workspace.env->make_directories(file.parent_path()));
  return write_durably(*workspace.env, file, as_bytes(trust::serialize(envelope)));
}

Result<void> close_proposal(const trust::Workspace& workspace, const std::string& model,
                            const std::string& alias) {
  const fs::path file = proposal_file(workspace, model, alias);
  if (!workspace.env->exists(file)) return {};
  return workspace.env->remove(file);
}

Result<void> sync(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::Database database = TRY(sqlite::Database::open(workspace.registry_database()));
  for (const sqlite::MirrorTable& table : TRY(tables_of(ledger, root))) TRY(sqlite::sync(database, table));
  return {};
}

Result<void> check(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root) {
  sqlite::Database database = TRY(sqlite::Database::open(workspace.registry_database()));
  TRY(database.check_structure());
  for (const sqlite::MirrorTable& table : TRY(tables_of(ledger, root))) TRY(sqlite::check(database, table));
  return {};
}

}  // namespace sallyport::services::registry
