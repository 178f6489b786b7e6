// Everything of a project that anyone would use, checked against what was signed: the answer behind
// `sallyport verify`.
//
// The chain of the artifact first (trust/chain.h), then what people read beside it: the databases that mirror
// the ledger, the pipeline file, the feed, the attestations folder against the log. Reads only, but for the
// pin.
#pragma once

#include <string>

#include "core/policy.h"
#include "trust/chain.h"

namespace sallyport::services::project {

// verify_named and, when it verifies, the links of check_surroundings. One report, first failure first in
// `reason`.
trust::ChainReport verify_project(const trust::Workspace& workspace, const std::string& artifact,
                                  const Policy& policy, std::int64_t now_unix_s,
                                  const trust::ChainOptions& options = {});

// One link for each of: attestations against the log, metadata.db, registry.db, pipeline.yaml, the feed. A
// thing that is not there yet gives no link.
std::vector<trust::ChainLink> check_surroundings(const trust::Workspace& workspace);

}  // namespace sallyport::services::project
