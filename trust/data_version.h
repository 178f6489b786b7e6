// Versions of data sets as signed statements: what each holds, what it was made from, and which tag names it.
//
// A version is a statement by the producer about a manifest; versions of a name are numbered from 1 without a
// gap, each names the envelope of the one before it, and each expires. A tag is a statement by the approvers
// that moves a word to a version, with a sequence number of its own. Both count only in the log. What a
// version was made from is followed back to batches of the producer, to versions, and to outputs of the
// runner's gates. Values only; safe from any thread.
#pragma once

#include <map>
#include <optional>

#include "trust/ledger.h"
#include "trust/merkle.h"
#include "trust/root.h"

namespace sallyport::trust {

namespace predicate {
inline constexpr std::string_view kDataVersion = "https://sallyport.dev/data-version/v1";
inline constexpr std::string_view kDataTag = "https://sallyport.dev/data-tag/v1";
}  // namespace predicate

struct DataVersionPredicate {
  std::string name = {};
  std::int64_t version = 0;           // from 1
  std::optional<Digest> parent = {};  // the envelope of the version before; absent for the first
  Hash root = {};                     // of the blocks (trust/layout.h)
  std::int64_t files = 0;
  std::int64_t bytes = 0;
  std::vector<NamedDigest> inputs = {};  // what it was made from
  std::string code = {};                 // the commit of the code that made it; may be empty
  std::string step = {};                 // what was run; may be empty
  std::string message = {};
  std::int64_t committed_on = 0;
  std::int64_t expires_unix_s = 0;
};
Json to_json(const DataVersionPredicate& version);
Result<DataVersionPredicate> parse_data_version(const Json& predicate);

struct DataTagPredicate {
  std::string name = {};
  std::string tag = {};
  std::int64_t version = 0;
  std::int64_t sequence = 0;  // from 1, one up with each move of this tag of this name
  std::int64_t expires_unix_s = 0;
};
Json to_json(const DataTagPredicate& tag);
Result<DataTagPredicate> parse_data_tag(const Json& predicate);

struct DataVersion {
  DataVersionPredicate said = {};
  Digest manifest = {};
  Digest envelope = {};
  std::uint64_t log_index = 0;
};

// "digits-train": lower-case letters, digits, - _ . and no leading dot.
Result<void> check_data_word(std::string_view what, std::string_view text);

// Every version of `name` that the producer signed, by number. A gap, a second statement for a number, or a
// parent that is another envelope than the version before refuses the whole name.
Result<std::map<std::int64_t, DataVersion>> data_versions(const Ledger& ledger, const Root& root,
                                                          const std::string& name);
// The names that have versions, sorted.
std::vector<std::string> data_names(const Ledger& ledger);

// "digits" (the latest), "digits@3" or "digits@stable"; refuses an expired version and an expired tag.
Result<DataVersion> resolve_data(const Ledger& ledger, const Root& root, const std::string& spec,
                                 std::int64_t now_unix_s);

// Follows what the version was made from to its sources. Each input must be the subject of a producer's batch
// or version, or of a gate of the runner that passes; a step without inputs is refused. The number of
// statements that were read; limits::kChainLinksMax at most.
Result<std::size_t> check_lineage(const Ledger& ledger, const Root& root, const DataVersion& version);

}  // namespace sallyport::trust
