// What logs, witnesses and clients of logs send one another: signed notes with cosignatures, requests to a
// witness, policies and receipts. What is read is written as the same bytes, or as what is read again.
#include <cstdlib>

#include "core/env.h"
#include "trust/tlog_proof.h"
#include "trust/witness.h"

namespace {

namespace trust = sallyport::trust;

// Keys without a secret half: a verifier does not care.
const trust::VerifierKey& key_of(trust::NoteKeyType type) {
  static const auto make = [](trust::NoteKeyType of) {
    const sallyport::Bytes seed(32, static_cast<std::uint8_t>(of));
    const auto key = trust::PrivateKey::from_ed25519_seed(seed);
    if (!key) std::abort();
    return trust::VerifierKey{.name = "witness.example", .type = of, .key = key->public_key()};
  };
  static const trust::VerifierKey kLog = make(trust::NoteKeyType::kEd25519);
  static const trust::VerifierKey kWitness = make(trust::NoteKeyType::kCosignature);
  return type == trust::NoteKeyType::kEd25519 ? kLog : kWitness;
}

void notes(std::string_view text) {
  const auto note = trust::parse_note(text);
  if (!note) return;
  if (trust::serialize(*note) != text) std::abort();
  (void)trust::cosigned_at(*note, key_of(trust::NoteKeyType::kCosignature));
  const auto strict = trust::parse_checkpoint(note->text);
  const auto lenient = trust::parse_checkpoint(note->text, trust::Extensions::kPassedOver);
  if (strict && (!lenient || *lenient != *strict || trust::serialize(*strict) != note->text)) std::abort();
}

void policies(std::string_view text) {
  const auto policy = trust::parse_witness_policy(text);
  if (!policy) return;
  // More witnesses never make a quorum fail.
  std::vector<bool> cosigned(policy->witnesses.size());
  bool met = policy->is_met(cosigned);
  for (std::size_t i = 0; i < cosigned.size(); ++i) {
    cosigned[i] = true;
    const bool now = policy->is_met(cosigned);
    if (met && !now) std::abort();
    met = now;
  }
  if (!met) std::abort();
  (void)policy->quorum_text();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = sallyport::as_text({data, size});
  notes(text);
  policies(text);
  if (const auto request = trust::parse_add_checkpoint(text)) {
    if (trust::serialize(*request) != text) std::abort();
    notes(request->checkpoint);
  }
  if (const auto proof = trust::parse_tlog_proof(text)) {
    if (trust::serialize(*proof) != text) std::abort();
    trust::WitnessPolicy policy;
    policy.logs.push_back({key_of(trust::NoteKeyType::kEd25519), ""});
    // Nobody signed it with that key.
    if (trust::check_tlog_proof(*proof, {}, policy, {})) std::abort();
  }
  if (const auto lines = trust::parse_signatures(text)) {
    std::string again;
    for (const trust::NoteSignature& one : *lines) again += trust::serialize(one);
    if (again != text) std::abort();
  }
  (void)trust::parse_verifier_key(text);
  return 0;
}
