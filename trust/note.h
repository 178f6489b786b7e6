// Signed notes (C2SP signed-note) with Ed25519, and the checkpoints of a log in them (C2SP tlog-checkpoint).
//
//   sallyport.dev/digits              origin
//   20852163                          tree size
//   CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=   root hash
//                                     blank line
//   — sallyport.dev/digits Az3grl...  signature: base64 of key id (4 bytes) and Ed25519 signature
//
// A note has one spelling; numbers without sign or leading zero. Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "trust/keys.h"
#include "trust/merkle.h"

namespace sallyport::trust {

// First 4 bytes, big-endian, of SHA-256(name || "\n" || 0x01 || public key).
std::uint32_t note_key_hash(std::string_view name, const PublicKey& key);
// "name+hash+base64(0x01 || public key)": the text that standard clients take as a verifier key.
std::string note_verifier_key(std::string_view name, const PublicKey& key);

struct NoteSignature {
  std::string name = {};
  std::uint32_t key_hash = 0;
  Bytes sig = {};
};
struct Note {
  std::string text = {};  // ends with a newline
  std::vector<NoteSignature> signatures = {};
};

Result<Note> parse_note(std::string_view file);
std::string serialize(const Note& note);
// Signs with an Ed25519 key under `name`.
Result<Note> sign_note(std::string text, std::string_view name, const PrivateKey& key);
// At least one signature by one of `keys` under `name`, and none by them that fails; others' are passed over,
// since a log may be cosigned by witnesses that we do not know.
Result<void> verify_note(const Note& note, std::string_view name, std::span<const PublicKey> keys);

struct Checkpoint {
  std::string origin = {};
  std::uint64_t size = 0;
  Hash root = {};
  bool operator==(const Checkpoint&) const = default;
};

Result<Checkpoint> parse_checkpoint(std::string_view text);
std::string serialize(const Checkpoint& checkpoint);
// A checkpoint file: parsed, its origin compared and its signature verified.
Result<Checkpoint> open_checkpoint(std::string_view file, std::string_view origin,
                                   std::span<const PublicKey> keys);
Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const PrivateKey& key);

}  // namespace sallyport::trust
