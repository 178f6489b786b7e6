// Keys of the ecosystem's model signatures: ECDSA on P-256 with SHA-256, P-384 with SHA-384 and P-521 with
// SHA-512 (FIPS 186-5), and the X.509 certificates that vouch for them (RFC 5280).
//
// The project's own statements are signed with trust/keys.h; this is what other tools' files need. OpenSSL
// does the arithmetic and builds the chains. Values are immutable and may be used from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::trust {

class EcdsaPublicKey {
 public:
  // SubjectPublicKeyInfo with a named curve and an uncompressed point.
  static Result<EcdsaPublicKey> from_pem(std::string_view pem);

  // As `openssl ec -pubout` writes it: its SHA-256 is the hint that bundles carry.
  std::string pem() const;
  std::string hint() const;
  // `signature` is the DER of ECDSA-Sig-Value.
  bool verify(BytesView message, BytesView signature) const;

 private:
  friend class EcdsaPrivateKey;
  friend class Certificate;
  static Result<EcdsaPublicKey> adopt(std::shared_ptr<void> key);

  std::shared_ptr<void> key_;  // EVP_PKEY
};

class EcdsaPrivateKey {
 public:
  // PKCS#8 or SEC 1, not encrypted.
  static Result<EcdsaPrivateKey> from_pem(std::string_view pem);

  const EcdsaPublicKey& public_key() const { return public_; }
  Bytes sign(BytesView message) const;

 private:
  EcdsaPublicKey public_;
};

class Certificate {
 public:
  static Result<Certificate> from_der(BytesView der);
  // Every certificate of the text, limits::kCertificatesMax at most and at least one.
  static Result<std::vector<Certificate>> all_from_pem(std::string_view pem);

  Bytes der() const;
  // The holder's name in one line.
  std::string subject() const;
  Result<EcdsaPublicKey> public_key() const;
  // Whether it may sign code or data: key usage digitalSignature, or extended key usage codeSigning.
  Result<void> check_may_sign() const;
  Result<void> check_valid_at(std::int64_t unix_s) const;
  // A chain from this certificate over `between` to one of `trusted`, every link valid at `unix_s`.
  Result<void> check_chain(std::span<const Certificate> between, std::span<const Certificate> trusted,
                           std::int64_t unix_s) const;

 private:
  std::shared_ptr<void> certificate_;  // X509
};

}  // namespace sallyport::trust
