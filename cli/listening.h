// What commands that serve over HTTP have in common: --host, --tls-cert, --tls-key and --client-ca.
//
// Safe from any thread.
#pragma once

#include <memory>
#include <string>

#include "cli/command.h"
#include "services/http/http.h"
#include "services/http/tls.h"

namespace sallyport::cli {

// As many as the machine allows this process to hold, up to 20,000.
int connections_max();

// Off loopback always: what is said would cross the network in the clear. One's own certificate is made below
// `root` where none is named. nullptr for plain HTTP.
Result<std::shared_ptr<const services::http::Tls>> tls_of(const Arguments& arguments, const fs::path& root,
                                                          const std::string& host);

std::string url_of(const services::http::Server& server, const services::http::Tls* tls,
                   const std::string& host);

}  // namespace sallyport::cli
