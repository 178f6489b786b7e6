#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "core/limits/model_signature.h"
#include "core/openssl.h"
#include "trust/ecdsa.h"

namespace sallyport::trust {
namespace {

// 112 bits: RSA of 2,048 bits and SHA-256 pass, SHA-1 does not.
constexpr int kSecurityLevel = 2;

// Holds no reference to the certificates, which outlive it.
struct StackFree {
  void operator()(STACK_OF(X509) * stack) const { sk_X509_free(stack); }
};

X509* x509(const std::shared_ptr<void>& certificate) { return static_cast<X509*>(certificate.get()); }

std::shared_ptr<void> own(X509* certificate) {
  return {certificate, [](void* raw) { X509_free(static_cast<X509*>(raw)); }};
}

}  // namespace

Result<Certificate> Certificate::from_der(BytesView der) {
  if (der.size() > limits::kCertificateBytesMax) {
    return fail(ErrorKind::kLimit, "certificate: larger than 64 KiB");
  }
  const std::uint8_t* at = der.data();
  X509* read = d2i_X509(nullptr, &at, static_cast<long>(der.size()));
  ERR_clear_error();
  if (read == nullptr) return invalid("certificate: not X.509 in DER");
  Certificate out;
  out.certificate_ = own(read);
  if (at != der.data() + der.size()) return invalid("certificate: bytes after its end");
  return out;
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
  if (pem.size() > limits::kCertificatesMax * limits::kCertificateBytesMax) {
    return fail(ErrorKind::kLimit, "certificates: larger than 1 MiB");
  }
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  std::vector<Certificate> out;
  while (X509* read = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr)) {
    out.emplace_back().certificate_ = own(read);
    if (out.size() > limits::kCertificatesMax) break;
  }
  const unsigned long last = ERR_peek_last_error();
  BIO_free(bio);
  ERR_clear_error();
  if (out.size() > limits::kCertificatesMax) return fail(ErrorKind::kLimit, "certificates: more than 16");
  // The end of the text is an error of its own; any other means that a block was not read.
  if (out.empty() || ERR_GET_REASON(last) != PEM_R_NO_START_LINE) {
    return invalid("certificates: not PEM blocks 'CERTIFICATE'");
  }
  return out;
}

Bytes Certificate::der() const {
  std::uint8_t* raw = nullptr;
  const int size = i2d_X509(x509(certificate_), &raw);
  SP_CHECK(size > 0);
  Bytes out(raw, raw + size);
  OPENSSL_free(raw);
  return out;
}

std::string Certificate::subject() const {
  char* text = X509_NAME_oneline(X509_get_subject_name(x509(certificate_)), nullptr, 0);
  std::string out = text == nullptr ? "" : text;
  OPENSSL_free(text);
  return out;
}

Result<EcdsaPublicKey> Certificate::public_key() const {
  EVP_PKEY* key = X509_get_pubkey(x509(certificate_));
  ERR_clear_error();
  if (key == nullptr) return invalid("certificate: its public key cannot be read");
  return EcdsaPublicKey::adopt({key, [](void* raw) { EVP_PKEY_free(static_cast<EVP_PKEY*>(raw)); }});
}

Result<void> Certificate::check_may_sign() const {
  X509* certificate = x509(certificate_);
  const std::uint32_t flags = X509_get_extension_flags(certificate);
  if ((flags & EXFLAG_INVALID) != 0) return invalid("certificate: its extensions cannot be read");
  const bool signs =
      (flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(certificate) & KU_DIGITAL_SIGNATURE) != 0;
  const bool signs_code = (flags & EXFLAG_XKUSAGE) != 0 &&
                          (X509_get_extended_key_usage(certificate) & XKU_CODE_SIGN) != 0;
  if (signs || signs_code) return {};
  return fail(ErrorKind::kDenied,
              "certificate: neither its key usage nor its extended key usage lets it sign");
}

Result<void> Certificate::check_valid_at(std::int64_t unix_s) const {
  auto at = static_cast<time_t>(unix_s);
  if (X509_cmp_time(X509_get0_notBefore(x509(certificate_)), &at) > 0) {
    return fail(ErrorKind::kDenied, "certificate: not valid yet");
  }
  if (X509_cmp_time(X509_get0_notAfter(x509(certificate_)), &at) < 0) {
    return fail(ErrorKind::kDenied, "certificate: has expired", "renew it, then sign again");
  }
  return {};
}

Result<void> Certificate::check_chain(std::span<const Certificate> between,
                                      std::span<const Certificate> trusted, std::int64_t unix_s) const {
  const std::unique_ptr<X509_STORE, Free<X509_STORE_free>> store(X509_STORE_new());
  for (const Certificate& one : trusted) {
    SP_CHECK(X509_STORE_add_cert(store.get(), x509(one.certificate_)) == 1);
  }
  const std::unique_ptr<STACK_OF(X509), StackFree> chain(sk_X509_new_null());
  for (const Certificate& one : between) sk_X509_push(chain.get(), x509(one.certificate_));
  const std::unique_ptr<X509_STORE_CTX, Free<X509_STORE_CTX_free>> context(X509_STORE_CTX_new());
  SP_CHECK(X509_STORE_CTX_init(context.get(), store.get(), x509(certificate_), chain.get()) == 1);
  X509_VERIFY_PARAM* parameters = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(parameters, static_cast<time_t>(unix_s));
  X509_VERIFY_PARAM_set_auth_level(parameters, kSecurityLevel);
  const bool good = X509_verify_cert(context.get()) == 1;
  const int why = X509_STORE_CTX_get_error(context.get());
  ERR_clear_error();
  if (good) return {};
  return fail(ErrorKind::kDenied, "certificate: no chain to a trusted one that is valid: " +
                                      std::string(X509_verify_cert_error_string(why)));
}

}  // namespace sallyport::trust
