// Public keys of other people's formats (SSH, OpenPGP), made from their numbers, and signatures checked with
// them. OpenSSL does the arithmetic.
//
// RSA from 2048 bits on, ECDSA over P-256, P-384 and P-521, Ed25519. Values are immutable and may be used
// from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::trust {

enum class HashName : std::uint8_t { kSha256, kSha384, kSha512 };
Bytes hash_of(HashName name, BytesView message);

class RawKey {
 public:
  // Big-endian numbers. Error: they are no key, or one that is too short.
  static Result<RawKey> rsa(BytesView modulus, BytesView exponent);
  // `group` is OpenSSL's name, "P-256"; `point` is uncompressed.
  static Result<RawKey> ecdsa(std::string_view group, BytesView point);
  // 32 bytes.
  static Result<RawKey> ed25519(BytesView bytes);

  // PKCS #1 v1.5 for RSA, DER for ECDSA, 64 bytes for Ed25519, which signs the message itself.
  bool verifies(HashName hash, BytesView signature, BytesView message) const;

 private:
  enum class Kind : std::uint8_t { kNumbers, kEd25519 };
  RawKey(std::shared_ptr<void> key, Kind kind) : key_(std::move(key)), kind_(kind) {}
  std::shared_ptr<void> key_;  // EVP_PKEY
  Kind kind_;
};

// What ECDSA keys check: DER of the two big-endian numbers.
Result<Bytes> ecdsa_der(BytesView r, BytesView s);

}  // namespace sallyport::trust
