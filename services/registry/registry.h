// The model registry: versions and aliases as signed statements in the ledger, with a readable copy in
// SQLite.
//
// A version is a statement by the registrar; an alias move is a sequence-numbered, expiring statement that
// needs the approvals of the policy, neither of them the registrar's. Who holds which version is always read
// from the ledger (trust::resolve_alias), never from the database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/guard.h"
#include "core/policy.h"
#include "services/sqlite/mirror.h"
#include "trust/chain.h"
#include "trust/workspace.h"

namespace sallyport::services::registry {

inline constexpr std::int64_t kAliasValidS = 180LL * 24 * 3600;

// The statement that registers `artifact` as the next version of `model`; the one it has already when it is
// registered.
struct VersionOffer {
  std::int64_t version = 0;
  bool registered = false;
  trust::Statement statement;
};
Result<VersionOffer> offer_version(const trust::Ledger& ledger, const trust::Root& root,
                                   const std::string& model, const Digest& artifact);

// The statement that moves model@alias to a version; what the approvers sign.
Result<trust::Statement> offer_alias(const trust::Ledger& ledger, const std::string& model,
                                     const std::string& alias, std::int64_t version, const Digest& artifact,
                                     std::int64_t now_unix_s);

// Every statement about one of `subjects` whose signatures verify, as the promotion guards read them.
std::vector<SignedClaim> claims_about(const trust::Ledger& ledger, const trust::Root& root,
                                      const std::vector<Digest>& subjects);
// An envelope that is not in the log yet, as a claim.
Result<SignedClaim> claim_of(const trust::Envelope& envelope, const trust::Root& root);

// Moves that wait for approvals: .sallyport/state/proposals/MODEL@ALIAS.json, an envelope with the signatures
// so far. Nothing there is trusted: who signs or logs a move looks at what it says first (promotion.h).
Result<std::optional<trust::Envelope>> proposal_of(const trust::Workspace& workspace,
                                                   const std::string& model, const std::string& alias);
Result<void> keep_proposal(const trust::Workspace& workspace, const trust::Envelope& envelope);
Result<void> close_proposal(const trust::Workspace& workspace, const std::string& model,
                            const std::string& alias);

// Brings the database in line with the ledger; says where it is not.
Result<void> sync(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root);
Result<void> check(const trust::Workspace& workspace, const trust::Ledger& ledger, const trust::Root& root);

}  // namespace sallyport::services::registry
