// Moving an alias: a move is proposed, its approvers sign it, and when nothing is missing any more it enters
// the log.
//
// What is missing is said by name, with the command that would produce it. A move that lacks anything changes
// nothing but the proposal's file. For one thread at a time; the ledger's lock keeps other processes out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/policy.h"
#include "trust/predicates.h"
#include "trust/workspace.h"

namespace sallyport::services::registry {

struct Missing {
  std::string what;
  std::string command;  // "sallyport approve digits@champion --as audit"; a sentence where no command helps
};

struct PromotionState {
  trust::AliasPredicate move;
  Digest artifact = {};
  std::vector<std::string> approved_by = {};
  std::vector<Missing> missing = {};
  std::optional<std::uint64_t> log_index = {};  // the move is in force
};
Json to_json(const PromotionState& state);

// Proposes to move model@alias to a version, signed with the keys of the given names, and moves it when that
// is enough. A proposal for the same version is signed on; one for another version is replaced.
Result<PromotionState> promote(const trust::Workspace& workspace, const Policy& policy,
                               const std::string& model, const std::string& alias, std::int64_t version,
                               const std::vector<std::string>& keys, std::int64_t now_unix_s);
// Signs the move that waits for model@alias, and moves it when that is enough.
Result<PromotionState> approve_move(const trust::Workspace& workspace, const Policy& policy,
                                    const std::string& model, const std::string& alias,
                                    const std::string& key, std::int64_t now_unix_s);

}  // namespace sallyport::services::registry
