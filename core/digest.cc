#include "core/digest.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>

#include "core/sha256_lanes.h"

namespace sallyport {

namespace {

// Fetched once: looking SHA-256 up by EVP_sha256() for each message costs more than hashing a short one.
const EVP_MD* algorithm() {
  static const EVP_MD* const fetched = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  SP_CHECK(fetched != nullptr);
  return fetched;
}

struct EvpContext {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  EvpContext() { SP_CHECK(evp != nullptr && EVP_DigestInit_ex2(evp, algorithm(), nullptr) == 1); }
  ~EvpContext() { EVP_MD_CTX_free(evp); }
  EvpContext(const EvpContext&) = delete;
  EvpContext& operator=(const EvpContext&) = delete;

  void add(BytesView bytes) { SP_CHECK(EVP_DigestUpdate(evp, bytes.data(), bytes.size()) == 1); }
  Digest finish() {
    Digest out;
    unsigned int size = 0;
    SP_CHECK(EVP_DigestFinal_ex(evp, out.bytes.data(), &size) == 1 && size == out.bytes.size());
    SP_CHECK(EVP_DigestInit_ex2(evp, nullptr, nullptr) == 1);
    return out;
  }
};

}  // namespace

struct Hasher::Context : EvpContext {};

Hasher::Hasher() : context_(std::make_unique<Context>()) {}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

void Hasher::add(BytesView bytes) { context_->add(bytes); }
Digest Hasher::finish() { return context_->finish(); }

Result<Digest> Digest::parse(std::string_view hex) {
  if (hex.size() != 64) {
    return invalid("digest: 64 hexadecimal digits wanted, got " + std::to_string(hex.size()));
  }
  const Bytes bytes = TRY(from_hex(hex));
  Digest out;
  std::copy(bytes.begin(), bytes.end(), out.bytes.begin());
  return out;
}

// Where the processor has the instructions, OpenSSL is not asked: its start alone, with its configuration and
// its tables of names, takes longer than a small file's scan.
Digest sha256(BytesView bytes) {
  if (sha256_lanes_supported()) return sha256_alone(bytes);
  thread_local EvpContext context;
  context.add(bytes);
  return context.finish();
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
