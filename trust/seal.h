// Sealed data sets: what lead and audit have both signed of a name's versions, and how it may still change.
//
// A version of a data set is sealed by a seal/v1 statement about its manifest that two keys, one of each
// role, signed. From then on the name is a sealed one: another version of it counts only when an amendment
// that both signed leads from the sealed version to it, and says what it changes and why. Amendments form one
// line; a second one from the same version refuses the name. Sealed and amended versions stay readable for
// good; those in between and before do not count. Statements that one role alone signed are no statements.
// Values only; safe from any thread.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "trust/data_version.h"
#include "trust/predicates.h"

namespace sallyport::trust {

namespace predicate {
inline constexpr std::string_view kDataAmendment = "https://sallyport.dev/data-amendment/v1";
}  // namespace predicate

// The subject is the manifest of version `to`.
struct AmendmentPredicate {
  std::string name = {};
  std::int64_t from = 0;  // the version that it corrects
  std::int64_t to = 0;
  Digest amends = {};     // the envelope of the seal or amendment that covers `from`
  std::int64_t rows = 0;  // of version `to`
  Digest rows_root = {};
  std::int64_t added = 0;  // rows
  std::int64_t removed = 0;
  std::vector<std::string> files = {};  // paths whose bytes differ, sorted; at most limits::kAmendedFilesMax
  std::string reason = {};
};
Json to_json(const AmendmentPredicate& amendment);
Result<AmendmentPredicate> parse_amendment(const Json& predicate);

struct SealedVersion {
  std::int64_t version = 0;
  Digest manifest = {};
  std::int64_t rows = 0;
  Digest rows_root = {};
  Digest envelope = {};  // of the seal or the amendment
  std::uint64_t log_index = 0;
  std::vector<std::string> signed_by = {};
  std::string reason = {};  // of an amendment
};

// Both roles, by two keys.
Result<std::vector<std::string>> sealed_by(const Envelope& envelope, const Root& root);

// By version; empty when nothing of the name is sealed. kDenied when amendments fork.
Result<std::map<std::int64_t, SealedVersion>> sealed_versions(const Ledger& ledger, const Root& root,
                                                              const std::string& name);
// That the version may be used: its name is not sealed, or this very manifest is.
Result<void> check_sealed(const Ledger& ledger, const Root& root, const DataVersion& version);

}  // namespace sallyport::trust
