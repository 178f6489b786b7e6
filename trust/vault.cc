#include "trust/vault.h"

#include <openssl/evp.h>

#include <algorithm>
#include <memory>

#include "core/digest.h"

namespace sallyport::trust {
namespace {

constexpr std::string_view kMagic = "SPV1";
constexpr std::size_t kSaltBytes = 32;
constexpr std::size_t kTagBytes = 16;

using Cipher = std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)>;

Digest object_key(const VaultKey& key, BytesView salt, std::string_view name) {
  Bytes message = to_bytes("sallyport vault object");
  message.insert(message.end(), salt.begin(), salt.end());
  message.insert(message.end(), name.begin(), name.end());
  return hmac_sha256(key.bytes(), message);
}

std::array<std::uint8_t, 12> nonce_of(std::uint64_t piece, bool last) {
  std::array<std::uint8_t, 12> out{};
  for (int i = 0; i < 7; ++i)
    out[4 + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(piece >> (48 - 8 * i));
  out[11] = last ? 1 : 0;
  return out;
}

void seal_piece(const Digest& key, std::uint64_t piece, bool last, BytesView plain, Bytes& out) {
  const auto nonce = nonce_of(piece, last);
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const std::size_t begin = out.size();
  out.resize(begin + plain.size() + kTagBytes);
  int length = 0;
  const bool good =
      cipher != nullptr &&
      EVP_EncryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), nonce.data()) == 1 &&
      EVP_EncryptUpdate(cipher.get(), out.data() + begin, &length, plain.data(),
                        static_cast<int>(plain.size())) == 1 &&
      EVP_EncryptFinal_ex(cipher.get(), out.data() + begin + plain.size(), &length) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_GET_TAG, static_cast<int>(kTagBytes),
                          out.data() + begin + plain.size()) == 1;
  SP_CHECK(good);
}

// False when the tag does not hold; `out` is then as it was.
bool open_piece(const Digest& key, std::uint64_t piece, bool last, BytesView sealed, Bytes& out) {
  const auto nonce = nonce_of(piece, last);
  const BytesView text = sealed.first(sealed.size() - kTagBytes);
  Bytes tag(sealed.end() - static_cast<std::ptrdiff_t>(kTagBytes), sealed.end());
  const Cipher cipher(EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
  const std::size_t begin = out.size();
  out.resize(begin + text.size() + kTagBytes);
  int length = 0;
  const bool good =
      cipher != nullptr &&
      EVP_DecryptInit_ex(cipher.get(), EVP_aes_256_gcm(), nullptr, key.bytes.data(), nonce.data()) == 1 &&
      EVP_DecryptUpdate(cipher.get(), out.data() + begin, &length, text.data(),
                        static_cast<int>(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher.get(), EVP_CTRL_GCM_SET_TAG, static_cast<int>(kTagBytes), tag.data()) == 1 &&
      EVP_DecryptFinal_ex(cipher.get(), out.data() + begin + text.size(), &length) == 1;
  out.resize(good ? begin + text.size() : begin);
  return good;
}

std::unexpected<Error> refused(std::string_view name) {
  return fail(ErrorKind::kDenied,
              shown(name) + ": does not open: another key, another object, or changed bytes");
}

}  // namespace

VaultKey VaultKey::generate(Env& env) {
  VaultKey out;
  env.random(out.bytes_);
  return out;
}

Result<VaultKey> VaultKey::load(Env& env, const fs::path& path) {
  const FileStatus status = TRY(env.status(path));
  if ((status.mode & 0077) != 0) {
    return fail(ErrorKind::kDenied, path.string() + ": a key that others may read",
                "chmod 600 " + path.string());
  }
  const Bytes file = TRY(env.read_file(path, limits::kKeyFileBytesMax));
  std::string_view line = as_text(file);
  if (line.ends_with('\n')) line.remove_suffix(1);
  const auto bytes = from_base64(line);
  VaultKey out;
  if (!bytes || bytes->size() != out.bytes_.size()) {
    return invalid(path.string() + ": one line of base64 of 32 bytes was expected");
  }
  std::copy(bytes->begin(), bytes->end(), out.bytes_.begin());
  return out;
}

Result<void> VaultKey::save(Env& env, const fs::path& path) const {
  if (env.exists(path)) return fail(ErrorKind::kDenied, path.string() + ": there is a key already");
  return write_durably(env, path, as_bytes(to_base64(bytes_) + "\n"), 0600);
}

VaultKey VaultKey::derive(std::string_view purpose) const {
  VaultKey out;
  out.bytes_ = hmac_sha256(bytes_, as_bytes("sallyport vault key " + std::string(purpose))).bytes;
  return out;
}

Bytes seal_object(Env& env, const VaultKey& key, std::string_view name, BytesView plain) {
  std::array<std::uint8_t, kSaltBytes> salt{};
  env.random(salt);
  const Digest own = object_key(key, salt, name);
  Bytes out(kMagic.size() + kSaltBytes);
  std::copy(kMagic.begin(), kMagic.end(), out.begin());
  std::copy(salt.begin(), salt.end(), out.begin() + static_cast<std::ptrdiff_t>(kMagic.size()));
  out.reserve(out.size() + plain.size() + (plain.size() / kVaultPieceBytes + 1) * kTagBytes);
  std::uint64_t piece = 0;
  do {
    const BytesView part = plain.first(std::min(plain.size(), kVaultPieceBytes));
    plain = plain.subspan(part.size());
    seal_piece(own, piece++, plain.empty(), part, out);
  } while (!plain.empty());
  return out;
}

Result<Bytes> open_object(const VaultKey& key, std::string_view name, BytesView sealed) {
  constexpr std::size_t kHead = kMagic.size() + kSaltBytes;
  if (sealed.size() < kHead + kTagBytes || as_text(sealed.first(kMagic.size())) != kMagic) {
    return invalid(shown(name) + ": is no sealed object");
  }
  const Digest own = object_key(key, sealed.subspan(kMagic.size(), kSaltBytes), name);
  sealed = sealed.subspan(kHead);
  Bytes out;
  out.reserve(sealed.size());
  for (std::uint64_t piece = 0; !sealed.empty(); ++piece) {
    const BytesView part = sealed.first(std::min(sealed.size(), kVaultPieceBytes + kTagBytes));
    sealed = sealed.subspan(part.size());
    if (part.size() < kTagBytes || !open_piece(own, piece, sealed.empty(), part, out)) return refused(name);
  }
  return out;
}

}  // namespace sallyport::trust
