// HTTP/1.1 in front of the inference service: limits, time-outs, keep-alive, an orderly end.
//
// Boost.Beast does the protocol. A connection that sends or takes its bytes too slowly is closed after
// limits::kRequestTimeoutMs, so slow clients cost memory and no thread; above `connections_max` new ones are
// turned away with 503. Nagle's algorithm is off. One Server may be used from any thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "core/result.h"
#include "services/server/service.h"

namespace sallyport::services::server {

struct HttpOptions {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  unsigned threads = 0;    // 0: as many as there are cores
  int connections_max = 4096;
};

class Server {
 public:
  // Listens when it returns. `service` outlives the server.
  static Result<std::unique_ptr<Server>> start(Service& service, const HttpOptions& options = {});
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::uint16_t port() const;
  // Takes no new connection, lets the requests in hand finish, then closes.
  void stop();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// One request to a server on this machine, for the pipeline's probes, the demo and the tests.
struct Exchange {
  int status = 0;
  std::string body = {};
};
Result<Exchange> request(std::uint16_t port, const std::string& method, const std::string& target,
                         const std::string& body = {}, const std::string& content_type = "application/json");

}  // namespace sallyport::services::server
