#include "trust/ssh_signature.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <algorithm>
#include <charconv>
#include <memory>

#include "core/env.h"
#include "core/glob.h"

namespace sallyport::trust {
namespace {

template <auto kFree>
struct Free {
  template <class T>
  void operator()(T* pointer) const {
    kFree(pointer);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Free<EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Free<EVP_MD_CTX_free>>;
using Number = std::unique_ptr<BIGNUM, Free<BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Free<OSSL_PARAM_BLD_free>>;
using Params = std::unique_ptr<OSSL_PARAM, Free<OSSL_PARAM_free>>;

constexpr std::string_view kMagic = "SSHSIG";
constexpr int kRsaBitsMin = 2048;

Result<BytesView> string_of(Reader& reader) { return reader.take(TRY(reader.u32_be())); }

void put_string(Bytes& out, BytesView bytes) {
  append_be(out, bytes.size(), 4);
  out.insert(out.end(), bytes.begin(), bytes.end());
}

Number number_of(BytesView bytes) {
  return Number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

Result<Key> key_from(const char* type, OSSL_PARAM_BLD* builder) {
  const Params params(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (params == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) <= 0 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, params.get()) <= 0) {
    return invalid("ssh signature: a key that is none");
  }
  return Key(key);
}

Result<Key> rsa_key(Reader& reader) {
  const Number exponent = number_of(TRY(string_of(reader))), modulus = number_of(TRY(string_of(reader)));
  if (BN_num_bits(modulus.get()) < kRsaBitsMin) return invalid("ssh signature: an RSA key that is too short");
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get());
  OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get());
  return key_from("RSA", builder.get());
}

Result<Key> ecdsa_key(std::string_view curve, Reader& reader) {
  const BytesView named = TRY(string_of(reader)), point = TRY(string_of(reader));
  if (as_text(named) != curve) return invalid("ssh signature: a key of two curves");
  const std::string group = curve == "nistp256" ? "P-256" : curve == "nistp384" ? "P-384" : "P-521";
  const Builder builder(OSSL_PARAM_BLD_new());
  OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, group.c_str(), 0);
  OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size());
  return key_from("EC", builder.get());
}

// What OpenSSL takes: DER of the two numbers.
Result<Bytes> der_of(BytesView blob) {
  Reader reader(blob);
  const BytesView first = TRY(string_of(reader)), second = TRY(string_of(reader));
  std::unique_ptr<ECDSA_SIG, Free<ECDSA_SIG_free>> signature(ECDSA_SIG_new());
  ECDSA_SIG_set0(signature.get(), number_of(first).release(), number_of(second).release());
  unsigned char* der = nullptr;
  const int size = i2d_ECDSA_SIG(signature.get(), &der);
  if (size <= 0) return invalid("ssh signature: damaged");
  const Bytes out(der, der + size);
  OPENSSL_free(der);
  return out;
}

bool verifies(EVP_PKEY* key, const EVP_MD* digest, BytesView signature, BytesView message) {
  const DigestContext context(EVP_MD_CTX_new());
  return EVP_DigestVerifyInit(context.get(), nullptr, digest, nullptr, key) == 1 &&
         EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

Result<bool> check(BytesView key_blob, BytesView signature_blob, BytesView message) {
  Reader keys(key_blob), signatures(signature_blob);
  const std::string_view type = as_text(TRY(string_of(keys)));
  const std::string_view algorithm = as_text(TRY(string_of(signatures)));
  const BytesView signature = TRY(string_of(signatures));
  if (type == "ssh-ed25519" && algorithm == type) {
    const BytesView raw = TRY(string_of(keys));
    const Key key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, raw.data(), raw.size()));
    return key != nullptr && verifies(key.get(), nullptr, signature, message);
  }
  if (type == "ssh-rsa" && (algorithm == "rsa-sha2-256" || algorithm == "rsa-sha2-512")) {
    const Key key = TRY(rsa_key(keys));
    return verifies(key.get(), algorithm == "rsa-sha2-256" ? EVP_sha256() : EVP_sha512(), signature, message);
  }
  constexpr std::string_view kEcdsa = "ecdsa-sha2-";
  if (type.starts_with(kEcdsa) && algorithm == type) {
    const std::string_view curve = type.substr(kEcdsa.size());
    const EVP_MD* digest = curve == "nistp256"   ? EVP_sha256()
                           : curve == "nistp384" ? EVP_sha384()
                           : curve == "nistp521" ? EVP_sha512()
                                                 : nullptr;
    if (digest == nullptr) return invalid("ssh signature: of a curve that is none");
    const Key key = TRY(ecdsa_key(curve, keys));
    return verifies(key.get(), digest, TRY(der_of(signature)), message);
  }
  return fail(ErrorKind::kUnsupported,
              "ssh signature: by a key of type " + shown(type) + ", which is not checked");
}

Result<Bytes> unarmoured(std::string_view text) {
  constexpr std::string_view kBegin = "-----BEGIN SSH SIGNATURE-----", kEnd = "-----END SSH SIGNATURE-----";
  const std::size_t begin = text.find(kBegin), end = text.find(kEnd);
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin)
    return fail(ErrorKind::kUnsupported, "no ssh signature");
  std::string body(text.substr(begin + kBegin.size(), end - begin - kBegin.size()));
  std::erase_if(body, [](char c) { return c == '\n' || c == '\r' || c == ' '; });
  return from_base64(body);
}

}  // namespace

Result<Bytes> verify_ssh_signature(std::string_view armoured, BytesView message,
                                   std::string_view name_space) {
  const Bytes blob = TRY(unarmoured(armoured));
  Reader reader(blob);
  const BytesView magic = TRY(reader.take(kMagic.size()));
  const std::uint32_t version = TRY(reader.u32_be());
  if (as_text(magic) != kMagic || version != 1) return invalid("ssh signature: damaged");
  const BytesView key = TRY(string_of(reader));
  const BytesView space = TRY(string_of(reader));
  const BytesView reserved = TRY(string_of(reader));
  const BytesView hash = TRY(string_of(reader));
  const BytesView signature = TRY(string_of(reader));
  if (as_text(space) != name_space)
    return invalid("ssh signature: made for another purpose: " + shown(as_text(space)));
  const EVP_MD* digest = as_text(hash) == "sha256"   ? EVP_sha256()
                         : as_text(hash) == "sha512" ? EVP_sha512()
                                                     : nullptr;
  if (digest == nullptr)
    return fail(ErrorKind::kUnsupported, "ssh signature: over another digest than SHA-2");
  Bytes sum(EVP_MAX_MD_SIZE);
  unsigned size = 0;
  EVP_Digest(message.data(), message.size(), sum.data(), &size, digest, nullptr);
  sum.resize(size);
  Bytes over = to_bytes(kMagic);
  for (const BytesView part : {space, reserved, hash, BytesView(sum)}) put_string(over, part);
  if (!TRY(check(key, signature, over))) return fail(ErrorKind::kDenied, "ssh signature: does not verify");
  return Bytes(key.begin(), key.end());
}

namespace {

// The words of a line; quotes hold blanks together.
std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> out;
  bool quoted = false, open = false;
  for (const char c : line) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == ' ' || c == '\t')) {
      open = false;
      continue;
    }
    if (!open) out.emplace_back();
    open = true;
    if (c != '"') out.back() += c;
  }
  return out;
}

std::vector<std::string> parts_of(std::string_view text, char separator) {
  std::vector<std::string> out;
  while (true) {
    const std::size_t end = std::min(text.find(separator), text.size());
    out.emplace_back(text.substr(0, end));
    if (end == text.size()) return out;
    text.remove_prefix(end + 1);
  }
}

// "20260131", with a time or without.
Result<std::int64_t> day_of(std::string_view text) {
  if (text.size() < 8) return invalid("a day was expected, such as 20260131");
  const std::string day = std::string(text.substr(0, 4)) + "-" + std::string(text.substr(4, 2)) + "-" +
                          std::string(text.substr(6, 2));
  return parse_time(day);
}

Result<SshSigner> read_signer(const std::vector<std::string>& words) {
  SshSigner out;
  if (words.size() < 3) return invalid("principals, a type and a key were expected");
  out.principals = parts_of(words[0], ',');
  std::size_t at = 1;
  if (!words[1].starts_with("ssh-") && !words[1].starts_with("ecdsa-") && !words[1].starts_with("sk-")) {
    for (const std::string& option : parts_of(words[1], ',')) {
      const std::size_t equals = option.find('=');
      const std::string name = option.substr(0, equals);
      const std::string value = equals == std::string::npos ? "" : option.substr(equals + 1);
      if (name == "namespaces") {
        out.namespaces = parts_of(value, ',');
      } else if (name == "valid-after") {
        out.valid_after_unix_s = TRY(day_of(value));
      } else if (name == "valid-before") {
        out.valid_before_unix_s = TRY(day_of(value));
      } else if (out.namespaces.empty() || name == "cert-authority" || equals != std::string::npos) {
        return fail(ErrorKind::kUnsupported, "the option '" + name + "' is not understood");
      } else {
        out.namespaces.push_back(option);  // quotes were taken away: namespaces="git,file"
      }
    }
    at = 2;
  }
  if (words.size() < at + 2) return invalid("a type and a key were expected");
  out.key = TRY(from_base64(words[at + 1]));
  return out;
}

}  // namespace

Result<std::vector<SshSigner>> parse_allowed_signers(std::string_view text) {
  std::vector<SshSigner> out;
  std::size_t number = 0;
  for (const std::string& line : parts_of(text, '\n')) {
    ++number;
    const std::vector<std::string> words = words_of(line);
    if (words.empty() || words[0].empty() || words[0].starts_with('#')) continue;
    Result<SshSigner> signer = read_signer(words);
    if (!signer) return within("line " + std::to_string(number), signer.error());
    out.push_back(std::move(*signer));
  }
  return out;
}

const SshSigner* signer_of(const std::vector<SshSigner>& signers, BytesView key, std::string_view name_space,
                           std::int64_t when_unix_s) {
  for (const SshSigner& signer : signers) {
    const bool purpose = signer.namespaces.empty() ||
                         std::ranges::any_of(signer.namespaces,
                                             [&](const auto& one) { return glob_matches(one, name_space); });
    const bool in_time = when_unix_s >= signer.valid_after_unix_s &&
                         (signer.valid_before_unix_s == 0 || when_unix_s < signer.valid_before_unix_s);
    if (purpose && in_time && std::ranges::equal(signer.key, key)) return &signer;
  }
  return nullptr;
}

bool is_principal(const SshSigner& signer, std::string_view identity) {
  bool covered = false;
  for (const std::string& pattern : signer.principals) {
    if (pattern.starts_with('!') && glob_matches(std::string_view(pattern).substr(1), identity)) return false;
    covered = covered || glob_matches(pattern, identity);
  }
  return covered;
}

}  // namespace sallyport::trust
