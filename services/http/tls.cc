#include "services/http/tls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include <array>

#include "core/openssl.h"
#include "services/http/tls_context.h"

namespace sallyport::services::http {
namespace {

constexpr unsigned kOthers = 0077;
constexpr std::size_t kPemBytesMax = 1 << 20;
constexpr int kSecurityLevel = 2;
constexpr long kValidS = 365L * 24 * 3600;
constexpr int kSerialBytes = 16;

using Key = std::unique_ptr<EVP_PKEY, Free<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Free<X509_free>>;
using Bio = std::unique_ptr<BIO, Free<BIO_free_all>>;
using Name = std::unique_ptr<X509_NAME, Free<X509_NAME_free>>;

std::unexpected<Error> refused(const fs::path& file, const std::string& why) {
  ERR_clear_error();
  return invalid(file.string() + ": " + why);
}

Result<std::string> text_of(Env& env, const fs::path& file) {
  const Bytes bytes = TRY(env.read_file(file, kPemBytesMax));
  return std::string(as_text(bytes));
}

Result<void> check_private(Env& env, const fs::path& file) {
  const FileStatus status = TRY(env.status(file));
  if (status.kind != FileStatus::Kind::kSymlink && (status.mode & kOthers) == 0) return {};
  return fail(ErrorKind::kDenied, file.string() + ": a private key that others may read or write, or a link",
              "run `chmod 600 " + file.string() + "`");
}

Result<Certificate> certificate_in(const fs::path& file, const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  Certificate out(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!out) return refused(file, "holds no certificate in PEM");
  return out;
}

Result<Key> key_in(const fs::path& file, const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  // An encrypted key would make OpenSSL ask on the terminal: no password, so that it fails instead.
  const auto none = [](char*, int, int, void*) { return 0; };
  Key out(PEM_read_bio_PrivateKey(bio.get(), nullptr, none, nullptr));
  if (!out) return refused(file, "holds no private key in PEM, or an encrypted one");
  return out;
}

std::string fingerprint_of(X509* certificate) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  X509_digest(certificate, EVP_sha256(), digest.data(), &size);
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    if (i > 0) out += ':';
    out += kDigits[digest[i] >> 4];
    out += kDigits[digest[i] & 15];
  }
  return out;
}

// The certificate's own chain, each behind the other in the file.
Result<void> use_chain(SSL_CTX* context, const fs::path& file, const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const Certificate own(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!own || SSL_CTX_use_certificate(context, own.get()) != 1) {
    return refused(file, "no certificate that TLS can use");
  }
  while (X509* next = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)) {
    if (SSL_CTX_add0_chain_cert(context, next) != 1) {
      X509_free(next);
      return refused(file, "a certificate of its chain cannot be used");
    }
  }
  ERR_clear_error();
  return {};
}

Result<void> ask_clients(SSL_CTX* context, const fs::path& file, const std::string& pem) {
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  X509_STORE* store = SSL_CTX_get_cert_store(context);
  std::size_t count = 0;
  for (; X509* raw = PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr); ++count) {
    const Certificate root(raw);
    X509_STORE_add_cert(store, root.get());
    SSL_CTX_add_client_CA(context, root.get());
  }
  if (count == 0) return refused(file, "holds no certificate in PEM");
  ERR_clear_error();
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  return {};
}

void set_bounds(SSL_CTX* context) {
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_security_level(context, kSecurityLevel);
  SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET |
                                   SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

bool add_extension(X509* certificate, int what, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, what, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

bool is_address(const std::string& host) {
  return host.find_first_not_of("0123456789.") == std::string::npos;
}

// What clients may call this machine; nothing but letters, digits, dots and dashes goes into the extension.
std::string names_of(const std::string& host) {
  std::string out = "DNS:localhost,IP:127.0.0.1,IP:0:0:0:0:0:0:0:1";
  std::array<char, 256> machine{};
  ::gethostname(machine.data(), machine.size() - 1);
  for (const std::string& name : {std::string(machine.data()), host}) {
    const bool plain =
        name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-") ==
        std::string::npos;
    if (plain && !name.empty()) out += (is_address(name) ? ",IP:" : ",DNS:") + name;
  }
  return out;
}

Result<Certificate> make_certificate(Env& env, EVP_PKEY* key, const std::string& host) {
  Certificate out(X509_new());
  std::array<std::uint8_t, kSerialBytes> serial{};
  env.random(serial);
  serial[0] = static_cast<std::uint8_t>((serial[0] & 0x7f) | 1);
  BIGNUM* number = BN_bin2bn(serial.data(), kSerialBytes, nullptr);
  BN_to_ASN1_INTEGER(number, X509_get_serialNumber(out.get()));
  BN_free(number);
  const auto now = static_cast<time_t>(env.now_unix_s());
  ASN1_TIME_set(X509_getm_notBefore(out.get()), now - 3600);
  ASN1_TIME_set(X509_getm_notAfter(out.get()), now + kValidS);
  const Name name(X509_NAME_new());
  const auto* title = reinterpret_cast<const unsigned char*>("sallyport server");
  X509_NAME_add_entry_by_txt(name.get(), "CN", MBSTRING_ASC, title, -1, -1, 0);
  const bool made = X509_set_version(out.get(), 2) == 1 && X509_set_pubkey(out.get(), key) == 1 &&
                    X509_set_subject_name(out.get(), name.get()) == 1 &&
                    X509_set_issuer_name(out.get(), name.get()) == 1 &&
                    add_extension(out.get(), NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
                    add_extension(out.get(), NID_key_usage, "critical,digitalSignature,keyCertSign") &&
                    add_extension(out.get(), NID_ext_key_usage, "serverAuth") &&
                    add_extension(out.get(), NID_subject_key_identifier, "hash") &&
                    add_extension(out.get(), NID_subject_alt_name, names_of(host)) &&
                    X509_sign(out.get(), key, EVP_sha256()) > 0;
  ERR_clear_error();
  if (!made) return fail(ErrorKind::kIo, "tls: no certificate could be made for " + shown(host));
  return out;
}

template <class Write>
Bytes pem_of(const Write& write) {
  const Bio bio(BIO_new(BIO_s_mem()));
  write(bio.get());
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(data);
  return {bytes, bytes + size};
}

bool still_valid(Env& env, const TlsFiles& files) {
  const auto pem = text_of(env, files.certificate);
  const auto certificate = pem ? certificate_in(files.certificate, *pem) : invalid("");
  if (!certificate) return false;
  auto tomorrow = static_cast<time_t>(env.now_unix_s() + 24 * 3600);
  return X509_cmp_time(X509_get0_notAfter(certificate->get()), &tomorrow) > 0;
}

}  // namespace

Tls::Tls(std::unique_ptr<Context> context) : context_(std::move(context)) {}
Tls::~Tls() = default;

Result<std::shared_ptr<const Tls>> Tls::load(Env& env, const TlsFiles& files) {
  TRY(check_private(env, files.key));
  const std::string certificate = TRY(text_of(env, files.certificate));
  const Key key = TRY(key_in(files.key, TRY(text_of(env, files.key))));
  std::shared_ptr<Tls> out(new Tls(std::make_unique<Context>()));
  SSL_CTX* context = out->context_->ssl.native_handle();
  set_bounds(context);
  TRY(use_chain(context, files.certificate, certificate));
  if (SSL_CTX_use_PrivateKey(context, key.get()) != 1) {
    return refused(files.key, "not the key of " + files.certificate.string());
  }
  out->fingerprint_ = fingerprint_of(TRY(certificate_in(files.certificate, certificate)).get());
  if (files.client_ca.empty()) return out;
  TRY(ask_clients(context, files.client_ca, TRY(text_of(env, files.client_ca))));
  out->asks_clients_ = true;
  return out;
}

std::string client_subject(SSL* ssl) {
  const Certificate shown_to_us(SSL_get1_peer_certificate(ssl));
  if (!shown_to_us || SSL_get_verify_result(ssl) != X509_V_OK) return {};
  const Bio bio(BIO_new(BIO_s_mem()));
  X509_NAME_print_ex(bio.get(), X509_get_subject_name(shown_to_us.get()), 0,
                     XN_FLAG_RFC2253 & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB));
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

Result<TlsFiles> self_signed(Env& env, const fs::path& folder, const std::string& host) {
  TlsFiles out{.certificate = folder / "certificate.pem", .key = folder / "key.pem"};
  if (env.exists(out.key) && still_valid(env, out)) return out;
  TRY(make_directories_durably(env, folder));
  const Key key(EVP_EC_gen("P-256"));
  if (!key) return fail(ErrorKind::kIo, "tls: no key could be made");
  const Certificate certificate = TRY(make_certificate(env, key.get(), host));
  const Bytes secret = pem_of([&](BIO* bio) {
    PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  });
  TRY(write_durably(env, out.key, secret, 0600));
  TRY(write_durably(env, out.certificate,
                    pem_of([&](BIO* bio) { PEM_write_bio_X509(bio, certificate.get()); })));
  return out;
}

}  // namespace sallyport::services::http
