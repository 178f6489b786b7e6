#include "trust/keys.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include <array>

#include "core/digest.h"
#include "core/limits.h"

namespace sallyport::trust {
namespace {

constexpr std::size_t kEd25519SpkiBytes = 44;
constexpr std::size_t kP256SpkiBytes = 91;  // uncompressed point, named curve

struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};
using Bio = std::unique_ptr<BIO, BioFree>;
struct ContextFree {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, ContextFree>;

std::shared_ptr<void> own(EVP_PKEY* key) {
  return {key, [](void* raw) { EVP_PKEY_free(static_cast<EVP_PKEY*>(raw)); }};
}
EVP_PKEY* evp(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

Bio reading(std::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}
std::string text_of(const Bio& bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
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

// Refuses to prompt: an encrypted key is an error, not a question on the terminal.
int no_passphrase(char*, int, int, void*) { return -1; }

}  // namespace

std::string_view name_of(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::kEd25519 ? "ed25519" : "ecdsa-p256-sha256";
}

Result<PublicKey> PublicKey::from_spki(BytesView der) {
  if (der.size() != kEd25519SpkiBytes && der.size() != kP256SpkiBytes) {
    return invalid("public key: " + std::to_string(der.size()) + " bytes of DER are no Ed25519 or P-256 key");
  }
  const std::uint8_t* at = der.data();
  PublicKey out;
  out.key_ = own(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
  ERR_clear_error();
  if (!out.key_) return invalid("public key: not a SubjectPublicKeyInfo in DER");
  out.algorithm_ = TRY(algorithm_of(evp(out.key_)));
  out.spki_ = spki_of(evp(out.key_));
  if (!std::equal(out.spki_.begin(), out.spki_.end(), der.begin(), der.end())) {
    return invalid("public key: DER is not in its one spelling");
  }
  out.keyid_ = sha256(out.spki_).hex();
  return out;
}

Result<PublicKey> PublicKey::from_pem(std::string_view pem) {
  if (pem.size() > limits::kKeyFileBytesMax) return fail(ErrorKind::kLimit, "public key: larger than 64 KiB");
  const Bio bio = reading(pem);
  const std::shared_ptr<void> key = own(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
  ERR_clear_error();
  if (!key) return invalid("public key: not a PUBLIC KEY in PEM");
  PublicKey out = TRY(from_spki(spki_of(evp(key))));
  if (out.pem() != pem)
    return invalid("public key: PEM is not in its one spelling, 64 columns and nothing around it");
  return out;
}

Result<PublicKey> PublicKey::from_ed25519(BytesView raw32) {
  const std::shared_ptr<void> key =
      own(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw32.data(), raw32.size()));
  ERR_clear_error();
  if (!key) return invalid("public key: an Ed25519 key has 32 bytes, got " + std::to_string(raw32.size()));
  return from_spki(spki_of(evp(key)));
}

std::string PublicKey::pem() const {
  const Bio bio(BIO_new(BIO_s_mem()));
  SP_CHECK(PEM_write_bio_PUBKEY(bio.get(), evp(key_)) == 1);
  return text_of(bio);
}

Bytes PublicKey::raw_ed25519() const {
  if (algorithm_ != KeyAlgorithm::kEd25519) return {};
  return {spki_.end() - 32, spki_.end()};
}

bool PublicKey::verify(BytesView message, BytesView signature) const {
  const Context context(EVP_MD_CTX_new());
  const EVP_MD* hash = algorithm_ == KeyAlgorithm::kEd25519 ? nullptr : EVP_sha256();
  const bool good = EVP_DigestVerifyInit(context.get(), nullptr, hash, nullptr, evp(key_)) == 1 &&
                    EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                                     message.size()) == 1;
  ERR_clear_error();
  return good;
}

Result<PrivateKey> PrivateKey::adopt(std::shared_ptr<void> key) {
  ERR_clear_error();
  if (!key) return invalid("private key: not an unencrypted PKCS#8 key in PEM");
  TRY(algorithm_of(evp(key)));
  PrivateKey out;
  out.public_ = TRY(PublicKey::from_spki(spki_of(evp(key))));
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
  if (pem.size() > limits::kKeyFileBytesMax)
    return fail(ErrorKind::kLimit, "private key: larger than 64 KiB");
  const Bio bio = reading(pem);
  return adopt(own(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr)));
}

std::string PrivateKey::pem() const {
  const Bio bio(BIO_new(BIO_s_secmem()));
  SP_CHECK(PEM_write_bio_PKCS8PrivateKey(bio.get(), evp(key_), nullptr, nullptr, 0, nullptr, nullptr) == 1);
  return text_of(bio);
}

Bytes PrivateKey::sign(BytesView message) const {
  const Context context(EVP_MD_CTX_new());
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
