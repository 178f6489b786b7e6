// Receipts that an entry is in a log (C2SP tlog-proof): all that is needed to check it without the log.
//
//   c2sp.org/tlog-proof@v1
//   extra <base64>                    ours: the DSSE envelope whose entry this is
//   index 41
//   <hash of the sibling>             as many as the inclusion proof has
//
//   <the checkpoint, with the log's signature and those of witnesses>
//
// Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "trust/merkle.h"
#include "trust/witness_policy.h"

namespace sallyport::trust {

struct TlogProof {
  std::optional<Bytes> extra = {};
  std::uint64_t index = 0;
  Proof hashes = {};
  std::string checkpoint = {};  // the note as it is
};

// At most limits::kTlogProofBytesMax and limits::kInclusionHashesMax. One spelling: what is read is written
// as the same bytes.
Result<TlogProof> parse_tlog_proof(std::string_view text);
std::string serialize(const TlogProof& proof);

// That `entry` is in the log at proof.index, under a checkpoint that the policy accepts. Error kDenied
// otherwise.
Result<Witnessed> check_tlog_proof(const TlogProof& proof, BytesView entry, const WitnessPolicy& policy,
                                   const PolicyOptions& options);

}  // namespace sallyport::trust
