// DSSE v1.0 envelopes (secure-systems-lab/dsse): a payload with its type, signed by one or more keys.
//
// What is signed is PAE(type, payload), never the JSON around it. The file has exactly one spelling
// (canonical JSON, padded standard base64, signatures sorted by key id), and every signature in it must
// verify under the trust root: so no byte can be changed unnoticed. Values only; safe from any thread.
#pragma once

#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "trust/keys.h"
#include "trust/root.h"

namespace sallyport::trust {

inline constexpr std::string_view kInTotoPayloadType = "application/vnd.in-toto+json";

struct Signature {
  std::string keyid = {};
  Bytes sig = {};
};

struct Envelope {
  std::string payload_type = {};
  Bytes payload = {};
  std::vector<Signature> signatures = {};  // sorted by key id, each key once
};

// "DSSEv1 SP len(type) SP type SP len(payload) SP payload", lengths in decimal.
Bytes pae(std::string_view payload_type, BytesView payload);

// Strict: closed schema, canonical spelling, at least one signature, limits::kSignaturesMax at most.
Result<Envelope> parse_envelope(BytesView file);
std::string serialize(const Envelope& envelope);
// SHA-256 of serialize(envelope): its name in the attestations folder and in the log.
Digest digest_of(const Envelope& envelope);

Envelope sign_envelope(std::string_view payload_type, BytesView payload, std::span<const PrivateKey> signers);
// Adds a signature by another key, or replaces that key's own.
void add_signature(Envelope& envelope, const PrivateKey& signer);

// Verifies every signature; an unknown key or one bad signature refuses the whole. Returns the key ids that
// signed.
Result<std::set<std::string>> verify_signatures(const Envelope& envelope, const Root& root);
// The same, and each of `roles` must reach its threshold.
Result<std::set<std::string>> verify_envelope(const Envelope& envelope, const Root& root,
                                              std::span<const std::string_view> roles);
// Against loose public keys, of which `threshold` must have signed: for an envelope from outside the
// workspace.
Result<std::set<std::string>> verify_envelope(const Envelope& envelope, std::span<const PublicKey> keys,
                                              std::size_t threshold);

}  // namespace sallyport::trust
