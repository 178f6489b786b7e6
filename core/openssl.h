// OpenSSL's handles, owned: std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>.
#pragma once

#include <openssl/err.h>
#include <openssl/evp.h>

#include <memory>

namespace sallyport {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;

// Keys go through headers that do not show OpenSSL's. `own` of nothing is nothing, and why it is nothing is
// forgotten.
inline std::shared_ptr<void> own(EVP_PKEY* key) {
  ERR_clear_error();
  if (key == nullptr) return {};
  return {key, [](void* raw) { EVP_PKEY_free(static_cast<EVP_PKEY*>(raw)); }};
}
inline EVP_PKEY* evp(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

}  // namespace sallyport
