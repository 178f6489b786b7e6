#include "trust/raw_keys.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <string>

#include "core/openssl.h"

namespace sallyport::trust {
namespace {

using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

constexpr int kRsaBitsMin = 2048;
constexpr int kRsaBitsMax = 16384;
constexpr std::size_t kNumberBytesMax = kRsaBitsMax / 8;

Number number_of(BytesView bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Result<std::shared_ptr<void>> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) <= 0) {
    return invalid("a key that is none");
  }
  return own(key);
}

const EVP_MD* md_of(HashName name) {
  switch (name) {
    case HashName::kSha256: return EVP_sha256();
    case HashName::kSha384: return EVP_sha384();
    case HashName::kSha512: return EVP_sha512();
  }
  return nullptr;
}

}  // namespace

Bytes hash_of(HashName name, BytesView message) {
  Bytes sum(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_Digest(message.data(), message.size(), sum.data(), &size, md_of(name), nullptr);
  sum.resize(size);
  return sum;
}

Result<RawKey> RawKey::rsa(BytesView modulus, BytesView exponent) {
  if (modulus.size() > kNumberBytesMax + 1 || exponent.size() > 8)
    return invalid("an RSA key that is too long");
  const Number n = number_of(modulus), e = number_of(exponent);
  if (BN_num_bits(n.get()) < kRsaBitsMin) return invalid("an RSA key that is too short");
  if (BN_is_one(e.get()) || !BN_is_odd(e.get()) || !BN_is_odd(n.get())) return invalid("a key that is none");
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get());
  return RawKey(TRY(key_from("RSA", builder.get())), Kind::kNumbers);
}

Result<RawKey> RawKey::ecdsa(std::string_view group, BytesView point) {
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.data(), group.size());
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return RawKey(TRY(key_from("EC", builder.get())), Kind::kNumbers);
}

Result<RawKey> RawKey::ed25519(BytesView bytes) {
  EVP_PKEY* const key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, bytes.data(), bytes.size());
  if (key == nullptr) return invalid("a key that is none");
  return RawKey(own(key), Kind::kEd25519);
}

bool RawKey::verifies(HashName hash, BytesView signature, BytesView message) const {
  const DigestContext context(EVP_MD_CTX_new());
  const EVP_MD* digest = kind_ == Kind::kEd25519 ? nullptr : md_of(hash);
  auto* const key = static_cast<EVP_PKEY*>(key_.get());
  // A number is written without its leading zeros where formats are of numbers.
  Bytes whole(signature.begin(), signature.end());
  if (EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA) {
    const auto size = static_cast<std::size_t>(EVP_PKEY_get_size(key));
    if (whole.size() < size) whole.insert(whole.begin(), size - whole.size(), 0);
  }
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), whole.data(), whole.size(), message.data(), message.size()) == 1;
}

Result<Bytes> ecdsa_der(BytesView r, BytesView s) {
  if (r.size() > kNumberBytesMax || s.size() > kNumberBytesMax)
    return invalid("a signature that is too long");
  std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), number_of(r).release(), number_of(s).release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return invalid("a signature that is damaged");
  Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

}  // namespace sallyport::trust
