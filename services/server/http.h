// The inference service behind the HTTP transport (services/http): what its clients' headers mean to it.
//
// One Server may be used from any thread.
#pragma once

#include <memory>
#include <string>

#include "services/http/http.h"
#include "services/server/service.h"

namespace sallyport::services::server {

using HttpOptions = http::Options;
using Exchange = http::Exchange;

class Server {
 public:
  // Listens when it returns. `service` outlives the server.
  static Result<std::unique_ptr<Server>> start(Service& service, const HttpOptions& options = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const { return transport_->port(); }
  // Takes no new connection, lets the requests in hand finish, then closes.
  void stop() { transport_->stop(); }

 private:
  explicit Server(std::unique_ptr<http::Handler> handler);

  std::unique_ptr<http::Handler> handler_;
  std::unique_ptr<http::Server> transport_;
};

// One request to a server on this machine, for the pipeline's probes, the demo and the tests.
Result<Exchange> request(std::uint16_t port, const std::string& method, const std::string& target,
                         const std::string& body = {}, const std::string& content_type = "application/json");

}  // namespace sallyport::services::server
