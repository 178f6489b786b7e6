// Key pairs that sign: Ed25519 (RFC 8032) and ECDSA on P-256 with SHA-256 (FIPS 186-5).
//
// OpenSSL does the arithmetic. A key is named by its key id, the SHA-256 of its SubjectPublicKeyInfo in DER,
// in hexadecimal. Keys are immutable once made and may be used from any thread.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/env.h"
#include "core/result.h"

namespace sallyport::trust {

enum class KeyAlgorithm : std::uint8_t { kEd25519, kEcdsaP256 };
std::string_view name_of(KeyAlgorithm algorithm);

class PublicKey {
 public:
  // SPKI in PEM or DER. The DER must be the one spelling that OpenSSL itself would write.
  static Result<PublicKey> from_pem(std::string_view pem);
  static Result<PublicKey> from_spki(BytesView der);
  static Result<PublicKey> from_ed25519(BytesView raw32);

  KeyAlgorithm algorithm() const { return algorithm_; }
  const std::string& keyid() const { return keyid_; }
  const Bytes& spki() const { return spki_; }
  std::string pem() const;
  // The 32 bytes of an Ed25519 key; empty for any other.
  Bytes raw_ed25519() const;

  // Ed25519 signs the message itself; ECDSA signs its SHA-256 and the signature is DER.
  bool verify(BytesView message, BytesView signature) const;

  bool operator==(const PublicKey& other) const { return spki_ == other.spki_; }

 private:
  friend class PrivateKey;
  PublicKey() = default;

  std::shared_ptr<void> key_;  // EVP_PKEY
  KeyAlgorithm algorithm_ = KeyAlgorithm::kEd25519;
  Bytes spki_;
  std::string keyid_;
};

class PrivateKey {
 public:
  // Ed25519 takes its seed from `env`; P-256 takes it from OpenSSL's own generator.
  static Result<PrivateKey> generate(Env& env, KeyAlgorithm algorithm = KeyAlgorithm::kEd25519);
  static Result<PrivateKey> from_ed25519_seed(BytesView seed32);
  // PKCS#8 in PEM, not encrypted.
  static Result<PrivateKey> from_pem(std::string_view pem);

  const PublicKey& public_key() const { return public_; }
  const std::string& keyid() const { return public_.keyid(); }
  std::string pem() const;
  Bytes sign(BytesView message) const;

 private:
  PrivateKey() = default;
  static Result<PrivateKey> adopt(std::shared_ptr<void> key);

  std::shared_ptr<void> key_;
  PublicKey public_;
};

// Refuses a file that its group or the world may read: a key that others hold signs nothing.
Result<PrivateKey> load_private_key(Env& env, const fs::path& path);
Result<PublicKey> load_public_key(Env& env, const fs::path& path);
// Writes NAME.key (0600) and NAME.pub beside one another, durably; refuses to replace a key.
Result<void> save_key_pair(Env& env, const PrivateKey& key, const fs::path& directory,
                           const std::string& name);

}  // namespace sallyport::trust
