// Sealing an evaluation split, and correcting a sealed one: a look at the rows, then two signatures.
//
// Lead and audit may be two people on two machines that share the folder: each runs the same command with the
// key that is theirs, the statement waits in data/sealing/NAME.json between them, and each makes it anew from
// the data before signing, so that nobody signs what they did not see. The last signature puts it in the log.
// For one thread at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "learn/split_screen.h"
#include "services/data/data.h"
#include "trust/seal.h"

namespace sallyport::services::data {

// Beyond it a split is not sealed: so many labels without support are no accident.
inline constexpr double kScreenAlpha = 1e-4;

struct SealOptions {
  std::vector<std::string> keys = {"lead", "audit"};  // whose private halves are here
  std::string label = {};    // the column of labels, for the look at the rows; empty: there is none
  std::string against = {};  // a data set whose rows are known: the training split; empty: the sealed rows
};

struct SealState {
  trust::DataVersion version = {};
  std::int64_t rows = 0;
  Digest rows_root = {};
  std::optional<learn::SplitScreen> screen = {};  // of all rows, or of those that an amendment adds
  std::string unscreened = {};                    // why there was no look
  std::optional<trust::AmendmentPredicate> amendment = {};
  std::vector<std::string> signed_by = {};
  std::vector<std::string> missing = {};  // roles
  std::optional<std::uint64_t> log_index = {};
};

// Seals the version that `spec` names. kDenied when the look at the rows speaks against it, or when the name
// is sealed already.
Result<SealState> seal(const trust::Workspace& workspace, const std::string& spec,
                       const SealOptions& options);
// Leads from the newest sealed version to the one that `spec` names.
Result<SealState> amend(const trust::Workspace& workspace, const std::string& spec, const std::string& reason,
                        const SealOptions& options);

}  // namespace sallyport::services::data
