// What Tls holds for the transport; apart, so that only the transport includes Asio's and OpenSSL's headers.
//
// For the transport's own files.
#pragma once

#include <boost/asio/ssl.hpp>

#include "services/http/tls.h"

namespace sallyport::services::http {

struct Tls::Context {
  boost::asio::ssl::context ssl{boost::asio::ssl::context::tls_server};
};

// The name in a verified client's certificate in the form of RFC 2253, "CN=ana,O=Example"; "" without one.
std::string client_subject(SSL* ssl);

}  // namespace sallyport::services::http
