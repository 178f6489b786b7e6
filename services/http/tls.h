// TLS for our servers: which certificate they show, whose certificates they ask for, and one made at the
// first start for those who have none.
//
// TLS 1.2 and 1.3 with OpenSSL's own choice of suites at security level 2; no compression, no renegotiation,
// no tickets. A Tls is immutable and may be shared by any number of servers and threads.
#pragma once

#include <memory>
#include <string>

#include "core/env.h"
#include "core/result.h"

namespace sallyport::services::http {

struct TlsFiles {
  fs::path certificate = {};  // PEM, the server's own first, then what lies between it and its root
  fs::path key = {};          // PEM, not encrypted, and not for others to read
  fs::path client_ca = {};    // PEM; every client must show a certificate that one of these vouches for
};

class Tls {
 public:
  // Refuses a key that is not the certificate's, or that others may read or write.
  static Result<std::shared_ptr<const Tls>> load(Env& env, const TlsFiles& files);
  ~Tls();
  Tls(const Tls&) = delete;
  Tls& operator=(const Tls&) = delete;

  // SHA-256 of the certificate as "AB:CD:...", as `openssl x509 -fingerprint -sha256` prints it.
  const std::string& fingerprint() const { return fingerprint_; }
  bool asks_clients() const { return asks_clients_; }

  struct Context;  // what the transport makes connections of
  Context& context() const { return *context_; }

 private:
  explicit Tls(std::unique_ptr<Context> context);

  std::unique_ptr<Context> context_;
  std::string fingerprint_ = {};
  bool asks_clients_ = false;
};

// A key on P-256 and a certificate for `host`, for this machine's name and for loopback, valid for a year, in
// `folder`/certificate.pem and key.pem; what is there already is kept while it is valid for another day.
Result<TlsFiles> self_signed(Env& env, const fs::path& folder, const std::string& host);

}  // namespace sallyport::services::http
