#include "trust/ecdsa.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

#include "core/digest.h"
#include "core/limits.h"
#include "core/openssl.h"

namespace sallyport::trust {
namespace {

using Bio = std::unique_ptr<BIO, Free<BIO_free>>;

struct Curve {
  std::string_view name;
  const EVP_MD* (*hash)();
  int spki_bytes;  // with the curve by name and the point uncompressed
};
constexpr std::array<Curve, 3> kCurves{
    {{"prime256v1", EVP_sha256, 91}, {"secp384r1", EVP_sha384, 120}, {"secp521r1", EVP_sha512, 158}}};

const Curve* curve_of(EVP_PKEY* key) {
  std::array<char, 64> group{};
  std::size_t size = 0;
  const bool named = EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
                     EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1;
  ERR_clear_error();
  if (!named) return nullptr;
  for (const Curve& curve : kCurves) {
    if (curve.name == std::string_view(group.data(), size)) return &curve;
  }
  return nullptr;
}

Result<Bio> bio_over(std::string_view pem) {
  if (pem.size() > limits::kKeyFileBytesMax) return fail(ErrorKind::kLimit, "key: larger than 64 KiB");
  return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
}

// An encrypted key is refused rather than asked for on the terminal.
int no_password(char*, int, int, void*) { return -1; }

}  // namespace

Result<EcdsaPublicKey> EcdsaPublicKey::adopt(std::shared_ptr<void> key) {
  const Curve* curve = curve_of(evp(key));
  if (curve == nullptr) {
    return fail(ErrorKind::kUnsupported, "key: not ECDSA on P-256, P-384 or P-521",
                "`sallyport keygen --algorithm ecdsa-p256 NAME` makes one");
  }
  if (i2d_PUBKEY(evp(key), nullptr) != curve->spki_bytes) {
    return fail(ErrorKind::kUnsupported, "key: its point is not written uncompressed");
  }
  EcdsaPublicKey out;
  out.key_ = std::move(key);
  return out;
}

Result<EcdsaPublicKey> EcdsaPublicKey::from_pem(std::string_view pem) {
  const Bio bio = TRY(bio_over(pem));
  std::shared_ptr<void> key = own(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_password, nullptr));
  if (!key) return invalid("public key: not a PEM block 'PUBLIC KEY'");
  return adopt(std::move(key));
}

std::string EcdsaPublicKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  SP_CHECK(PEM_write_bio_PUBKEY(bio.get(), evp(key_)) == 1);
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

std::string EcdsaPublicKey::hint() const { return sha256(pem()).hex(); }

bool EcdsaPublicKey::verify(BytesView message, BytesView signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const bool good =
      EVP_DigestVerifyInit(context.get(), nullptr, curve_of(evp(key_))->hash(), nullptr, evp(key_)) == 1 &&
      EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                       message.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<EcdsaPrivateKey> EcdsaPrivateKey::from_pem(std::string_view pem) {
  const Bio bio = TRY(bio_over(pem));
  std::shared_ptr<void> key = own(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_password, nullptr));
  if (!key) return invalid("private key: not an unencrypted PEM block 'PRIVATE KEY' or 'EC PRIVATE KEY'");
  EcdsaPrivateKey out;
  out.public_ = TRY(EcdsaPublicKey::adopt(std::move(key)));
  return out;
}

Bytes EcdsaPrivateKey::sign(BytesView message) const {
  EVP_PKEY* key = evp(public_.key_);
  const DigestContext context(EVP_MD_CTX_new());
  std::size_t size = 0;
  SP_CHECK(EVP_DigestSignInit(context.get(), nullptr, curve_of(key)->hash(), nullptr, key) == 1);
  SP_CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes out(size);
  SP_CHECK(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  return out;
}

}  // namespace sallyport::trust
