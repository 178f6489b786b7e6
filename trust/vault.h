// Objects at rest as ciphertext: AES-256-GCM in pieces, so that a copied object says nothing and a changed,
// cut or exchanged one is refused.
//
//   "SPV1" | salt[32] | piece | piece | …      each piece: ciphertext of at most 64 KiB, then its tag[16]
//
// A key of the object's own is HMAC-SHA-256 of the vault's key over the salt and the object's name, so that
// an object under another's name does not open. Piece i has nonce 0x00000000 | i (56 bits) | 1 in the last
// piece, as STREAM has it (Hoang, Reyhanitabar, Rogaway, Vizar 2015): a cut off end is no end. An empty
// object is one empty piece. Plaintext leaves only when its piece's tag holds. Pure; safe from any thread.
#pragma once

#include <array>
#include <string_view>

#include "core/bytes.h"
#include "core/env.h"

namespace sallyport::trust {

class VaultKey {
 public:
  static VaultKey generate(Env& env);
  // The file is one line of base64 of 32 bytes, which its owner alone may read.
  static Result<VaultKey> load(Env& env, const fs::path& path);
  Result<void> save(Env& env, const fs::path& path) const;

  // The key of one purpose or version alone, to be released without this one.
  VaultKey derive(std::string_view purpose) const;
  const std::array<std::uint8_t, 32>& bytes() const { return bytes_; }

 private:
  std::array<std::uint8_t, 32> bytes_{};
};

inline constexpr std::size_t kVaultPieceBytes = 64 * limits::kKiB;

Bytes seal_object(Env& env, const VaultKey& key, std::string_view name, BytesView plain);
// kDenied: another key, another name, or not the bytes that were sealed.
Result<Bytes> open_object(const VaultKey& key, std::string_view name, BytesView sealed);

}  // namespace sallyport::trust
