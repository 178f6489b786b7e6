// How a log gets its cosignatures: each witness of the policy that has an address is asked to cosign the
// newest checkpoint, with the proof that it extends the last one that this witness saw.
//
// What a quorum has cosigned is kept beside the log (trust/tlog.h). A witness that knows a larger log, or
// another one of the same size, is no matter of the network: it is evidence that this log was rolled back or
// forked, and is told as such. For one thread at a time; writers may append meanwhile.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "services/http/fetch.h"
#include "trust/witnessed.h"

namespace sallyport::services::witness {

// The answer to a POST of `body`; the address ends in /add-checkpoint.
using Ask = std::function<Result<http::Answered>(const std::string& address, const std::string& body)>;
// Over the network, with the system's trusted roots or those of a PEM file.
Ask over_http(const fs::path& roots = {});

struct Reply {
  std::string witness = {};
  bool cosigned = false;
  bool contradicts = false;  // it has seen what this log does not extend
  std::string why = {};      // when it did not cosign
};
struct Cosigned {
  std::uint64_t size = 0;
  std::vector<Reply> replies = {};
  bool met = false;  // the quorum cosigned, and that was kept
  std::string missing = {};
};
Result<Cosigned> cosign_log(const trust::Workspace& workspace, const trust::WitnessPolicy& policy,
                            const Ask& ask);
Json to_json(const Cosigned& cosigned);

}  // namespace sallyport::services::witness
