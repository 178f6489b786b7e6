// Whom a client believes about a log (C2SP tlog-policy): logs, witnesses, and how many of which witnesses
// must have cosigned a checkpoint.
//
//   log sallyport.dev/log+1c2d...+AQ...  [URL]
//   witness w1 witness.example/w1+88a1...+BA...  [URL of its add-checkpoint, without that word]
//   group two-of-three 2 w1 w2 w3        all, any or a number
//   quorum two-of-three                  a witness, a group, or none
//
// Read strictly: a name before it is used, each name in one group at most, no key twice. Values only; safe
// from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "trust/cosignature.h"

namespace sallyport::trust {

struct PolicyLog {
  VerifierKey key;
  std::string url = {};
};
struct PolicyWitness {
  std::string name;
  VerifierKey key;
  std::string url = {};
};
// A witness or a group, in the order of the file: a group's members stand before it.
struct PolicyNode {
  std::string name = {};
  std::optional<std::size_t> witness = {};  // place among the witnesses; absent for a group
  std::size_t threshold = 1;
  std::vector<std::size_t> members = {};  // places among the nodes
};

struct WitnessPolicy {
  std::vector<PolicyLog> logs = {};
  std::vector<PolicyWitness> witnesses = {};
  std::vector<PolicyNode> nodes = {};
  std::optional<std::size_t> quorum = {};  // place among the nodes; absent: none is needed

  // Whether these witnesses, `cosigned[i]` for witnesses[i], are enough.
  bool is_met(const std::vector<bool>& cosigned) const;
  // "2 of w1, w2, w3": the quorum for people.
  std::string quorum_text() const;
};

// At most limits::kWitnessPolicyBytesMax.
Result<WitnessPolicy> parse_witness_policy(std::string_view text);

struct PolicyOptions {
  std::int64_t now_unix_s = 0;
  // A cosignature that is older does not count; absent: any age. This is what refuses a log that is held
  // back.
  std::optional<std::int64_t> age_max_s = {};
  // Keys that may have signed for the origin, from elsewhere; a policy without logs needs them.
  const std::vector<PublicKey>* keys = nullptr;
  std::string origin = {};  // of `keys`
};
struct Witnessed {
  Checkpoint checkpoint = {};
  std::vector<std::string> witnesses = {};  // the policy's names of those that cosigned, in its order
  std::int64_t newest_unix_s = 0;           // of their cosignatures; 0 without
};
// A checkpoint with its signatures: that one of the logs signed it and enough witnesses cosigned it. Error
// kDenied says what is missing.
Result<Witnessed> check_witnessed(std::string_view note, const WitnessPolicy& policy,
                                  const PolicyOptions& options);

}  // namespace sallyport::trust
