#include "trust/cosignature.h"

#include <limits>

namespace sallyport::trust {
namespace {

constexpr int kTimeBytes = 8;
constexpr std::size_t kSignatureBytes = 64;

std::string message_of(std::string_view text, std::uint64_t time) {
  return "cosignature/v1\ntime " + std::to_string(time) + "\n" + std::string(text);
}

}  // namespace

Result<NoteSignature> cosign(std::string_view checkpoint_text, std::string_view name, const PrivateKey& key,
                             std::int64_t now_unix_s) {
  if (key.public_key().algorithm() != KeyAlgorithm::kEd25519)
    return invalid("cosignature: signing takes an Ed25519 key");
  if (!is_note_key_name(name)) return invalid("cosignature: " + shown(name) + " cannot be a key name");
  if (now_unix_s < 0) return invalid("cosignature: the clock stands before 1970");
  const auto time = static_cast<std::uint64_t>(now_unix_s);
  NoteSignature out;
  out.name = name;
  out.key_hash = note_key_hash(name, key.public_key(), NoteKeyType::kCosignature);
  append_be(out.sig, time, kTimeBytes);
  const Bytes signature = key.sign(as_bytes(message_of(checkpoint_text, time)));
  out.sig.insert(out.sig.end(), signature.begin(), signature.end());
  return out;
}

Result<std::optional<std::int64_t>> cosigned_at(const Note& note, const VerifierKey& witness) {
  std::optional<std::int64_t> latest;
  for (const NoteSignature& one : note.signatures) {
    if (one.name != witness.name || one.key_hash != witness.hash()) continue;
    const std::string whose = "cosignature: of " + shown(witness.name);
    if (one.sig.size() != kTimeBytes + kSignatureBytes) return invalid(whose + ": not 72 bytes");
    Reader reader(one.sig);
    const std::uint64_t time = TRY(reader.u64_be());
    if (time > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
      return invalid(whose + ": a time beyond all times");
    const BytesView signature = TRY(reader.take(kSignatureBytes));
    if (!witness.key.verify(as_bytes(message_of(note.text, time)), signature))
      return fail(ErrorKind::kDenied, whose + ": does not verify");
    latest = std::max(latest.value_or(0), static_cast<std::int64_t>(time));
  }
  return latest;
}

}  // namespace sallyport::trust
