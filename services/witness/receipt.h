// Receipts of attestations: a proof (trust/tlog_proof.h) that carries the envelope itself, so that the file
// and a policy are all that is needed to believe that the statement was logged, offline.
//
// Who signed the statement is another question, which the trust root answers. For one thread at a time.
#pragma once

#include <optional>

#include "trust/tlog_proof.h"
#include "trust/witnessed.h"

namespace sallyport::services::witness {

// Of the entry with that index, under the checkpoint that the witnesses cosigned, or the log's own when no
// witness has cosigned one that covers it.
Result<trust::TlogProof> receipt_of(const trust::Workspace& workspace, trust::Ledger& ledger,
                                    std::uint64_t index);

struct Receipted {
  std::uint64_t index = 0;
  trust::Envelope envelope = {};
  trust::Statement statement = {};
  trust::Witnessed by = {};
};
// Error kDenied when the entry is not in the log that the policy accepts; another kind when it is no receipt.
Result<Receipted> check_receipt(std::string_view file, const trust::WitnessPolicy& policy,
                                const trust::PolicyOptions& options);

}  // namespace sallyport::services::witness
