// HTTP/1.1 for our servers, with TLS or without: limits, time-outs, keep-alive, bodies in memory or streamed,
// an orderly end.
//
// Boost.Beast does the protocol. A connection that sends or takes its bytes too slowly is closed, so slow
// clients cost memory and no thread; above `connections_max` new ones are turned away with 503. Nagle's
// algorithm is off. On loopback a Host header that names another machine is refused, and so is, everywhere, a
// request that a browser sends on behalf of another site. One Server may be used from any thread; a Handler
// must be safe from many.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/limits/http.h"
#include "core/result.h"

namespace sallyport::services::http {

struct Request {
  std::string method;
  std::string path;   // as it was sent, without the query
  std::string query;  // behind '?', as it was sent
  std::string peer;   // the client's address
  std::string client =
      {};  // the subject of the certificate that the client proved, when it was asked for one
  std::vector<std::pair<std::string, std::string>> headers = {};
  BytesView body = {};

  // The first header of that name, in any case; "" when there is none.
  std::string_view header(std::string_view name) const;
  std::size_t count(std::string_view name) const;
};

// Where a streamed answer comes from. An Error in its middle cuts the connection: the client sees that it did
// not get the whole.
class Source {
 public:
  virtual ~Source() = default;
  virtual Result<std::size_t> read(std::span<std::uint8_t> out) = 0;
};

struct Answer {
  int status = 200;
  std::string content_type = "application/json";
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> headers = {};
  // Held by the transport until the client has taken the answer: its request counts as in flight until then.
  std::shared_ptr<void> in_flight = {};
  // Sent instead of `body` when it is set.
  std::shared_ptr<Source> source = {};
  std::uint64_t source_bytes = 0;
};

// Where a streamed body goes. `finish` answers once the whole has arrived; one that is destroyed without was
// cut short and must leave nothing behind.
class Sink {
 public:
  virtual ~Sink() = default;
  virtual Result<void> write(BytesView bytes) = 0;
  virtual Answer finish() = 0;
};

// How the body of a request is to be taken. Decided from its head alone, on a thread that must not block.
struct Intake {
  enum class Kind : std::uint8_t { kMemory, kStream } kind = Kind::kMemory;
  std::uint64_t bytes_max = limits::kRequestBytesMax;
};

// Either where a streamed body goes, or why it is not wanted.
struct Opened {
  std::unique_ptr<Sink> sink = {};
  Answer refusal = {};
};

class Handler {
 public:
  virtual ~Handler() = default;
  virtual Intake intake(const Request&) { return {}; }
  // Both may block: they have threads of their own.
  virtual Answer handle(const Request& request) = 0;
  virtual Opened open(const Request&) { return {}; }
  // What the transport itself has to say: 400, 403, 413, 503.
  virtual Answer refuse(int status, const std::string& message) = 0;
};

class Tls;  // services/http/tls.h

struct Options {
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  unsigned threads = 0;    // 0: as many as there are cores
  int connections_max = 4096;
  std::shared_ptr<const Tls> tls = {};  // absent: plain HTTP
};

class Server {
 public:
  // Listens when it returns. `handler` outlives the server.
  static Result<std::unique_ptr<Server>> start(Handler& handler, const Options& options = {});
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
struct Question {
  std::string method = "GET";
  std::string target;
  std::string body = {};
  std::string content_type = "application/json";
  std::vector<std::pair<std::string, std::string>> headers = {};
};
Result<Exchange> ask(std::uint16_t port, const Question& question);

}  // namespace sallyport::services::http
