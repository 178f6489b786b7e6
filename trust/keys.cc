#include "trust/keys.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <algorithm>
#include <array>

#include "core/digest.h"
#include "core/limits.h"
#include "core/openssl.h"

namespace sallyport::trust {
namespace {

// DER around the 32 bytes of an Ed25519 key (RFC 8410). OpenSSL's decoders, which know every format there is,
// take a millisecond for what these two comparisons do.
constexpr std::array<std::uint8_t, 12> kEd25519Spki{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03,
                                                    0x2b, 0x65, 0x70, 0x03, 0x21, 0x00};
constexpr std::array<std::uint8_t, 16> kEd25519Pkcs8{0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06,
                                                     0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20};
constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kP256SpkiBytes = 91;  // uncompressed point, named curve
constexpr std::string_view kPublicLabel = "PUBLIC KEY";
constexpr std::string_view kPrivateLabel = "PRIVATE KEY";
constexpr std::size_t kPemColumns = 64;

// RFC 7468, strictly: 64 columns, nothing around it.
std::string to_pem(std::string_view label, BytesView der) {
  const std::string text = to_base64(der);
  std::string out = "-----BEGIN " + std::string(label) + "-----\n";
  for (std::size_t at = 0; at < text.size(); at += kPemColumns) out += text.substr(at, kPemColumns) + "\n";
  return out + "-----END " + std::string(label) + "-----\n";
}

Result<Bytes> from_pem_text(std::string_view label, std::string_view pem) {
  const std::string what(label == kPublicLabel ? "public key" : "private key");
  if (pem.size() > limits::kKeyFileBytesMax) return fail(ErrorKind::kLimit, what + ": larger than 64 KiB");
  std::string text;
  for (std::size_t at = 0; at < pem.size();) {
    const std::size_t end = std::min(pem.find('\n', at), pem.size());
    if (!pem.substr(at).starts_with("-----")) text += pem.substr(at, end - at);
    at = end + 1;
  }
  const Result<Bytes> der = from_base64(text);
  if (!der || to_pem(label, *der) != pem) {
    return invalid(what + ": not one block of PEM '" + std::string(label) + "' with lines of 64 columns");
  }
  return *der;
}

bool starts_with(BytesView der, BytesView prefix) {
  return der.size() == prefix.size() + kEd25519Bytes && std::equal(prefix.begin(), prefix.end(), der.begin());
}

Result<KeyAlgorithm> algorithm_of(EVP_PKEY* key) {
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519) return KeyAlgorithm::kEd25519;
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_EC &&
      EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
      std::string_view(group.data(), size) == "prime256v1") {
    return KeyAlgorithm::kEcdsaP256;
  }
  return fail(ErrorKind::kUnsupported, "key: neither Ed25519 nor ECDSA P-256",
              "make one with `openssl genpkey -algorithm ed25519`");
}

Bytes spki_of(EVP_PKEY* key) {
  std::uint8_t* der = nullptr;
  const int size = i2d_PUBKEY(key, &der);
  SP_CHECK(size > 0);
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace

std::string_view name_of(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::kEd25519 ? "ed25519" : "ecdsa-p256-sha256";
}

Result<PublicKey> PublicKey::from_spki(BytesView der) {
  if (starts_with(der, kEd25519Spki)) return from_ed25519(der.subspan(kEd25519Spki.size()));
  PublicKey out;
  const std::uint8_t* at = der.data();
  if (der.size() == kP256SpkiBytes) out.key_ = own(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!out.key_) return invalid("public key: not a SubjectPublicKeyInfo of Ed25519 or P-256");
  out.algorithm_ = TRY(algorithm_of(evp(out.key_)));
  out.spki_ = spki_of(evp(out.key_));
  if (!std::equal(out.spki_.begin(), out.spki_.end(), der.begin(), der.end())) {
    return invalid("public key: DER is not in its one spelling");
  }
  out.keyid_ = sha256(out.spki_).hex();
  return out;
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  return from_spki(TRY(from_pem_text(kPublicLabel, pem)));
}

Result<PublicKey> PublicKey::from_ed25519(BytesView raw32) {
  PublicKey out;
  out.key_ = own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw32.data(), raw32.size()));
  ERR_clear_error();
  if (!out.key_)
    return invalid("public key: an Ed25519 key has 32 bytes, got " + std::to_string(raw32.size()));
  out.spki_.assign(kEd25519Spki.begin(), kEd25519Spki.end());
  out.spki_.insert(out.spki_.end(), raw32.begin(), raw32.end());
  out.keyid_ = sha256(out.spki_).hex();
  return out;
}

std::string PublicKey::pem() const { return to_pem(kPublicLabel, spki_); }

Bytes PublicKey::raw_ed25519() const {
  if (algorithm_ != KeyAlgorithm::kEd25519) return {};
  return {spki_.end() - kEd25519Bytes, spki_.end()};
}

bool PublicKey::verify(BytesView message, BytesView signature) const {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* hash = algorithm_ == KeyAlgorithm::kEd25519 ? nullptr : EVP_sha256();
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, evp(key_)) == 1 &&
                    EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                     message.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<PrivateKey> PrivateKey::adopt(std::shared_ptr<void> key) {
  ERR_clear_error();
  if (!key) return invalid("private key: not an unencrypted PKCS#8 key");
  PrivateKey out;
  if (TRY(algorithm_of(evp(key))) == KeyAlgorithm::kEd25519) {
    std::array<std::uint8_t, kEd25519Bytes> raw{};
    std::size_t size = raw.size();
    SP_CHECK(EVP_PKEY_get_raw_public_key(evp(key), raw.data(), &size) == 1);
    out.public_ = TRY(PublicKey::from_ed25519(raw));
  } else {
    out.public_ = TRY(PublicKey::from_spki(spki_of(evp(key))));
  }
  out.key_ = std::move(key);
  return out;
}

Result<PrivateKey> PrivateKey::generate(Env& env, KeyAlgorithm algorithm) {
  if (algorithm == KeyAlgorithm::kEcdsaP256) return adopt(own(EVP_EC_gen("P-256")));
  std::array<std::uint8_t, 32> seed{};
  env.random(seed);
  Result<PrivateKey> out = from_ed25519_seed(seed);
  OPENSSL_cleanse(seed.data(), seed.size());
  return out;
}

Result<PrivateKey> PrivateKey::from_ed25519_seed(BytesView seed32) {
  return adopt(own(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed32.data(), seed32.size())));
}

Result<PrivateKey> PrivateKey::from_pem(std::string_view pem) {
  Bytes der = TRY(from_pem_text(kPrivateLabel, pem));
  const std::uint8_t* at = der.data();
  Result<PrivateKey> out = starts_with(der, kEd25519Pkcs8)
                               ? from_ed25519_seed(BytesView(der).subspan(kEd25519Pkcs8.size()))
                               : adopt(own(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(der.size()))));
  OPENSSL_cleanse(der.data(), der.size());
  return out;
}

std::string PrivateKey::pem() const {
  PKCS8_PRIV_KEY_INFO* info = EVP_PKEY2PKCS8(evp(key_));
  SP_CHECK(info != nullptr);
  std::uint8_t* der = nullptr;
  const int size = i2d_PKCS8_PRIV_KEY_INFO(info, &der);
  SP_CHECK(size > 0);
  std::string out = to_pem(kPrivateLabel, {der, static_cast<std::size_t>(size)});
  OPENSSL_clear_free(der, static_cast<std::size_t>(size));
  PKCS8_PRIV_KEY_INFO_free(info);
  return out;
}

Bytes PrivateKey::sign(BytesView message) const {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* hash = public_.algorithm() == KeyAlgorithm::kEd25519 ? nullptr : EVP_sha256();
  std::size_t size = 0;
  SP_CHECK(EVP_DigestSignInit(context.get(), nullptr, hash, nullptr, evp(key_)) == 1);
  SP_CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes out(size);
  SP_CHECK(EVP_DigestSign(context.get(), out.data(), &size, message.data(), message.size()) == 1);
  out.resize(size);
  return out;
}

Result<PrivateKey> load_private_key(Env& env, const fs::path& path) {
  const FileStatus status = TRY(env.status(path));
  if (status.kind != FileStatus::Kind::kFile) return invalid(path.string() + ": not a regular file");
  if ((status.mode & 0077U) != 0) {
    return fail(ErrorKind::kDenied, path.string() + ": a private key that others can read or write",
                "run `chmod 600 " + path.string() + "`, and replace the key if others had access");
  }
  const Bytes pem = TRY(env.read_file(path, limits::kKeyFileBytesMax));
  Result<PrivateKey> key = PrivateKey::from_pem(as_text(pem));
  if (!key) return within(path.string(), key.error());
  return key;
}

Result<PublicKey> load_public_key(Env& env, const fs::path& path) {
  const Bytes pem = TRY(env.read_file(path, limits::kKeyFileBytesMax));
  Result<PublicKey> key = PublicKey::from_pem(as_text(pem));
  if (!key) return within(path.string(), key.error());
  return key;
}

Result<void> save_key_pair(Env& env, const PrivateKey& key, const fs::path& directory,
                           const std::string& name) {
  const std::array<PendingFile, 2> files{
      PendingFile{directory / (name + ".key"), to_bytes(key.pem()), 0600},
      PendingFile{directory / (name + ".pub"), to_bytes(key.public_key().pem()), 0644}};
  for (const PendingFile& file : files) {
    if (env.exists(file.path))
      return fail(ErrorKind::kDenied, file.path.string() + ": exists, a key is never replaced");
  }
  return write_durably(env, files);
}

}  // namespace sallyport::trust
