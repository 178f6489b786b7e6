#include "core/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

namespace sallyport {

struct Hasher::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

Hasher::Hasher() : context_(std::make_unique<Context>()) {
  SP_CHECK(context_->evp != nullptr && EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(BytesView bytes) {
  SP_CHECK(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()) == 1);
}

Digest Hasher::finish() {
  Digest out;
  unsigned int size = 0;
  SP_CHECK(EVP_DigestFinal_ex(context_->evp, out.bytes.data(), &size) == 1 && size == out.bytes.size());
  SP_CHECK(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr) == 1);
  return out;
}

Result<Digest> Digest::parse(std::string_view hex) {
  if (hex.size() != 64) {
    return invalid("digest: 64 hexadecimal digits wanted, got " + std::to_string(hex.size()));
  }
  const Bytes bytes = TRY(from_hex(hex));
  Digest out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

Digest sha256(BytesView bytes) {
  Digest out;
  unsigned int size = 0;
  SP_CHECK(EVP_Digest(bytes.data(), bytes.size(), out.bytes.data(), &size, EVP_sha256(), nullptr) == 1);
  return out;
}

Digest hmac_sha256(BytesView key, BytesView message) {
  Digest out;
  unsigned int size = 0;
  SP_CHECK(HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), message.data(), message.size(),
                out.bytes.data(), &size) != nullptr);
  return out;
}

bool equal_constant_time(const Digest& a, const Digest& b) {
  return CRYPTO_memcmp(a.bytes.data(), b.bytes.data(), a.bytes.size()) == 0;
}

}  // namespace sallyport
