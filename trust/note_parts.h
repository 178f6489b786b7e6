// The parts that signed notes are made of, for those who read policies, receipts and what witnesses say:
// verifier keys, signature lines, tree sizes and hashes. Values only; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "trust/note.h"

namespace sallyport::trust {

// What a key signs notes as: a log its checkpoints, a witness its cosignatures (trust/cosignature.h).
enum class NoteKeyType : std::uint8_t { kEd25519 = 0x01, kCosignature = 0x04 };

// As those of note.h, with 0x01 replaced by the type.
std::uint32_t note_key_hash(std::string_view name, const PublicKey& key, NoteKeyType type);
std::string note_verifier_key(std::string_view name, const PublicKey& key, NoteKeyType type);

struct VerifierKey {
  std::string name;
  NoteKeyType type = NoteKeyType::kEd25519;
  PublicKey key;
  std::uint32_t hash() const { return note_key_hash(name, key, type); }
};
// Error kUnsupported for a type of key that this build cannot verify.
Result<VerifierKey> parse_verifier_key(std::string_view text);
// Not empty, no blank, no plus sign, no control character (C2SP signed-note).
bool is_note_key_name(std::string_view name);

// Signature lines alone, each with its newline, as a witness answers.
Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines);
std::string serialize(const NoteSignature& signature);

// Decimal without sign or leading zero; 32 bytes in base64.
Result<std::uint64_t> parse_tree_size(std::string_view text);
Result<Hash> parse_tree_hash(std::string_view text);

// Lines behind the third are extensions, which our logs do not write and so do not take; a witness vouches
// for other logs too.
enum class Extensions : std::uint8_t { kRefused, kPassedOver };
Result<Checkpoint> parse_checkpoint(std::string_view text, Extensions extensions);

}  // namespace sallyport::trust
