// What a repository's owner demands of its history, and what the history shows for it.
//
// The rules are a YAML file of the owner's own, not of the repository's:
//
//   signers: allowed_signers      # ssh-keygen's file of who may sign, beside this one
//   keyring: maintainers.asc      # who may sign with OpenPGP: gpg --export; either of the two, or both
//   branch: main                  # the branch that is protected; else the one that HEAD names
//   since: 5f1c...                # a commit; it and what precedes it is taken as it is
//   contains: [8ab0...]           # commits that the branch must still hold: a rewritten branch does not
//   paths: [train/, "*.lock"]     # where two persons must have signed; everywhere else one
//
// The answer is a document, .sallyport/history.json, that stands beside the repository's files for its
// guards:
// {"branch", "rewritten": [id], "replaced": [id], "grafts": bool, "commits": [{"id", "author", "time",
// "signature": "good"|"none"|"bad"|"stranger"|"unchecked", "why", "signer", "approved": [signer], "second":
// bool, "two": bool, "paths", "restored", "brought_days"}]}: `two` where the rules want two persons, `second`
// where there was a second, `restored` what the branch once had and gave up. Signatures are verified, not
// believed; a second person is somebody else whose signature is on the commit of another author, or on the
// merge that brought it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "core/env.h"
#include "core/json.h"
#include "services/scan/history.h"
#include "trust/openpgp.h"
#include "trust/ssh_signature.h"

namespace sallyport::services::scan {

struct ReviewRules {
  std::vector<trust::SshSigner> signers = {};
  std::vector<trust::PgpCertificate> keyring = {};
  std::string branch = {};
  std::string since = {};
  std::vector<std::string> contains = {};
  std::vector<std::string> paths = {};
};

// Error: a file that is missing, a key that is not known, a signer that cannot be checked.
Result<ReviewRules> read_review_rules(Env& env, const std::filesystem::path& path);

// Error: the branch or `since` names no commit, or a folder of the history is missing.
Result<Json> review_history(const History& history, const Refs& refs, bool grafts, const ReviewRules& rules);

// The same of a repository's folder, as the file that its guards look for.
Result<std::vector<RepositoryFile>> history_evidence(const std::filesystem::path& repository,
                                                     const ReviewRules& rules);

}  // namespace sallyport::services::scan
