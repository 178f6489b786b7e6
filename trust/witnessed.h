// What a project demands of its log's witnesses: where .sallyport/log.policy stands, a reader believes the
// log only as far as a quorum has cosigned it, and nothing while newer entries wait for that.
//
// A client that has no pin yet is protected by this and by nothing else: whoever holds the log's key can show
// each client a log of its own, but not one that the witnesses cosigned. Reads only. For one thread at a
// time.
#pragma once

#include <optional>

#include "trust/cosigned.h"
#include "trust/witness_policy.h"
#include "trust/workspace.h"

namespace sallyport::trust {

fs::path witness_policy_file(const Workspace& workspace);
// Absent when the project demands no witnesses.
Result<std::optional<WitnessPolicy>> load_witness_policy(const Workspace& workspace);

// Holds the log against the policy; absent without one. Error kDenied, with what to do, when no quorum has
// cosigned the log as it stands, within `age_max_s` when that is given: then a project whose policy demands
// no witness is refused too, since nobody could say how old its log is.
Result<std::optional<Witnessed>> check_witnesses(const Workspace& workspace, Log& log, const LogKeys& keys,
                                                 std::int64_t now_unix_s,
                                                 std::optional<std::int64_t> age_max_s = {});

}  // namespace sallyport::trust
