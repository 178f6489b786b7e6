#include "trust/note.h"

#include <algorithm>

#include "core/digest.h"
#include "core/limits.h"
#include "core/text.h"
#include "trust/note_parts.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kSignaturePrefix = "\xE2\x80\x94 ";  // an em dash and a blank
constexpr std::size_t kKeyHashBytes = 4;
constexpr std::size_t kNoteSignaturesMax = 100;

Result<NoteSignature> read_signature(std::string_view line) {
  if (!line.starts_with(kSignaturePrefix))
    return invalid("note: a signature line does not start with a dash");
  line.remove_prefix(kSignaturePrefix.size());
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return invalid("note: a signature line has no signature");
  NoteSignature out{.name = std::string(line.substr(0, blank)), .key_hash = 0, .sig = {}};
  if (!is_note_key_name(out.name)) return invalid("note: a signature's key name is not one");
  const Bytes raw = TRY(from_base64(line.substr(blank + 1)));
  if (raw.size() <= kKeyHashBytes) return invalid("note: a signature is too short");
  Reader reader(raw);
  out.key_hash = TRY(reader.u32_be());
  const BytesView rest = TRY(reader.take(reader.remaining()));
  out.sig.assign(rest.begin(), rest.end());
  return out;
}

}  // namespace

bool is_note_key_name(std::string_view name) {
  return !name.empty() && std::none_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '+';
  });
}

std::uint32_t note_key_hash(std::string_view name, const PublicKey& key) {
  return note_key_hash(name, key, NoteKeyType::kEd25519);
}

std::string note_verifier_key(std::string_view name, const PublicKey& key) {
  return note_verifier_key(name, key, NoteKeyType::kEd25519);
}

std::uint32_t note_key_hash(std::string_view name, const PublicKey& key, NoteKeyType type) {
  Bytes message = to_bytes(name);
  message.push_back('\n');
  message.push_back(static_cast<std::uint8_t>(type));
  const Bytes raw = key.raw_ed25519();
  message.insert(message.end(), raw.begin(), raw.end());
  const Digest digest = sha256(message);
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < kKeyHashBytes; ++i) out = (out << 8) | digest.bytes[i];
  return out;
}

std::string note_verifier_key(std::string_view name, const PublicKey& key, NoteKeyType type) {
  Bytes hash;
  append_be(hash, note_key_hash(name, key, type), kKeyHashBytes);
  Bytes typed{static_cast<std::uint8_t>(type)};
  const Bytes raw = key.raw_ed25519();
  typed.insert(typed.end(), raw.begin(), raw.end());
  return std::string(name) + "+" + to_hex(hash) + "+" + to_base64(typed);
}

Result<VerifierKey> parse_verifier_key(std::string_view text) {
  // A name has no plus sign; base64 may.
  const std::size_t first = text.find('+');
  const std::size_t second = first == std::string_view::npos ? first : text.find('+', first + 1);
  if (second == std::string_view::npos) return invalid("verifier key: not NAME+HASH+KEY");
  const std::string name(text.substr(0, first));
  if (!is_note_key_name(name)) return invalid("verifier key: " + shown(name) + " is not a key name");
  const Bytes hash = TRY(from_hex(text.substr(first + 1, second - first - 1)));
  const Bytes typed = TRY(from_base64(text.substr(second + 1)));
  if (hash.size() != kKeyHashBytes || typed.empty()) return invalid("verifier key: not NAME+HASH+KEY");
  const auto type = static_cast<NoteKeyType>(typed.front());
  if (type != NoteKeyType::kEd25519 && type != NoteKeyType::kCosignature) {
    return fail(ErrorKind::kUnsupported, "verifier key: of " + shown(name) + ": type " +
                                             std::to_string(typed.front()) +
                                             " is neither Ed25519 nor cosignature/v1");
  }
  PublicKey key = TRY(PublicKey::from_ed25519(BytesView(typed).subspan(1)));
  VerifierKey out{.name = name, .type = type, .key = std::move(key)};
  Bytes expected;
  append_be(expected, out.hash(), kKeyHashBytes);
  if (expected != hash) return invalid("verifier key: of " + shown(name) + ": its hash is another's");
  return out;
}

Result<Note> parse_note(std::string_view file) {
  if (file.size() > limits::kCheckpointBytesMax) return fail(ErrorKind::kLimit, "note: larger than 64 KiB");
  const bool plain = std::none_of(file.begin(), file.end(), [](char c) {
    return (static_cast<unsigned char>(c) < 0x20 && c != '\n') || c == 0x7F;
  });
  if (!plain) return invalid("note: a control character");
  // The text ends at the last blank line; what follows are signatures.
  const std::size_t split = file.rfind("\n\n");
  if (split == std::string_view::npos || !file.ends_with('\n')) return invalid("note: no signature");
  Note out;
  out.text = std::string(file.substr(0, split + 1));
  out.signatures = TRY(parse_signatures(file.substr(split + 2)));
  return out;
}

Result<std::vector<NoteSignature>> parse_signatures(std::string_view lines) {
  std::vector<NoteSignature> out;
  while (!lines.empty()) {
    const std::size_t end = lines.find('\n');
    if (end == std::string_view::npos) return invalid("note: a signature line without its end");
    out.push_back(TRY(read_signature(lines.substr(0, end))));
    lines.remove_prefix(end + 1);
    if (out.size() > kNoteSignaturesMax) return fail(ErrorKind::kLimit, "note: over 100 signatures");
  }
  if (out.empty()) return invalid("note: no signature");
  return out;
}

std::string serialize(const NoteSignature& signature) {
  Bytes raw;
  append_be(raw, signature.key_hash, kKeyHashBytes);
  raw.insert(raw.end(), signature.sig.begin(), signature.sig.end());
  return std::string(kSignaturePrefix) + signature.name + " " + to_base64(raw) + "\n";
}

std::string serialize(const Note& note) {
  std::string out = note.text + "\n";
  for (const NoteSignature& one : note.signatures) out += serialize(one);
  return out;
}

Result<Note> sign_note(std::string text, std::string_view name, const PrivateKey& key) {
  if (key.public_key().algorithm() != KeyAlgorithm::kEd25519)
    return invalid("note: signing takes an Ed25519 key");
  if (!is_note_key_name(name)) return invalid("note: '" + std::string(name) + "' cannot be a key name");
  if (!text.ends_with('\n')) return invalid("note: the text does not end with a newline");
  NoteSignature made{.name = std::string(name),
                     .key_hash = note_key_hash(name, key.public_key()),
                     .sig = key.sign(as_bytes(text))};
  return Note{std::move(text), {std::move(made)}};
}

Result<void> verify_note(const Note& note, std::string_view name, std::span<const PublicKey> keys) {
  std::size_t good = 0;
  for (const NoteSignature& one : note.signatures) {
    if (one.name != name) continue;
    for (const PublicKey& key : keys) {
      if (key.algorithm() != KeyAlgorithm::kEd25519 || note_key_hash(name, key) != one.key_hash) continue;
      if (!key.verify(as_bytes(note.text), one.sig)) {
        return fail(ErrorKind::kDenied, "note: the signature by '" + std::string(name) + "' does not verify");
      }
      ++good;
    }
  }
  if (good == 0)
    return fail(ErrorKind::kDenied, "note: no signature by a key of '" + std::string(name) + "'");
  return {};
}

Result<std::uint64_t> parse_tree_size(std::string_view text) {
  const auto out = parsed_number<std::uint64_t>(text);
  if (!out || std::to_string(*out) != text) {
    return invalid("checkpoint: " + shown(text.substr(0, 40)) + " is not a tree size");
  }
  return *out;
}

Result<Hash> parse_tree_hash(std::string_view text) {
  const Bytes raw = TRY(from_base64(text));
  Hash out;
  if (raw.size() != out.bytes.size()) return invalid("checkpoint: a hash is not 32 bytes");
  std::copy(raw.begin(), raw.end(), out.bytes.begin());
  return out;
}

Result<Checkpoint> parse_checkpoint(std::string_view text) {
  return parse_checkpoint(text, Extensions::kRefused);
}

Result<Checkpoint> parse_checkpoint(std::string_view text, Extensions extensions) {
  Reader reader(as_bytes(text));
  Checkpoint out;
  out.origin = std::string(TRY(reader.until('\n')));
  if (out.origin.empty()) return invalid("checkpoint: no origin");
  out.size = TRY(parse_tree_size(TRY(reader.until('\n'))));
  out.root = TRY(parse_tree_hash(TRY(reader.until('\n'))));
  if (!reader.done() && extensions == Extensions::kRefused)
    return fail(ErrorKind::kUnsupported, "checkpoint: extension lines");
  while (!reader.done()) {
    if (TRY(reader.until('\n')).empty()) return invalid("checkpoint: an empty line");
  }
  return out;
}

std::string serialize(const Checkpoint& checkpoint) {
  return checkpoint.origin + "\n" + std::to_string(checkpoint.size) + "\n" +
         to_base64(checkpoint.root.bytes) + "\n";
}

Result<Checkpoint> open_checkpoint(std::string_view file, std::string_view origin,
                                   std::span<const PublicKey> keys) {
  const Note note = TRY(parse_note(file));
  TRY(verify_note(note, origin, keys));
  Checkpoint out = TRY(parse_checkpoint(note.text));
  if (out.origin != origin)
    return fail(ErrorKind::kDenied, "checkpoint: of another log, '" + out.origin + "'");
  return out;
}

Result<std::string> sign_checkpoint(const Checkpoint& checkpoint, const PrivateKey& key) {
  return serialize(TRY(sign_note(serialize(checkpoint), checkpoint.origin, key)));
}

}  // namespace sallyport::trust
