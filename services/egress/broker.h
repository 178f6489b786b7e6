// The broker: the one way out of a sandbox without a network, to the destinations that its step declares.
//
// The confined command has a loopback of its own, and on it one port; who connects there speaks to the
// broker, which runs outside and understands CONNECT (authority.h). The broker asks for names itself and
// connects to the very address that it judged: one that is not public is refused, unless the destination was
// declared private, so that a name cannot be pointed inside. Of each destination it counts the bytes both
// ways over all connections, and no byte beyond a budget passes.
//
// Limits of the method: what a destination does with what it gets, and what is sent to it within its budget,
// is trusted; the bytes of TLS are counted, not read.
//
// Thread rule: one thread calls serve() and stop(); the broker has threads of its own, one a connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/json.h"
#include "core/limits/sandbox.h"
#include "formats/authority.h"
#include "services/egress/address.h"
#include "services/sandbox/fd.h"

namespace sallyport::services::egress {

struct Destination {
  Authority to;
  std::uint64_t send_bytes_max = limits::kEgressSendBytes;
  std::uint64_t receive_bytes_max = limits::kEgressReceiveBytes;
  bool is_private = false;  // may have addresses that are not public
};
Json to_json(const Destination& destination);

// What came of one request.
struct Connection {
  std::string to;       // as it was asked for; "" when the request could not be read
  std::string address;  // that it went to; "" when it went nowhere
  std::uint64_t sent = 0;
  std::uint64_t received = 0;
  std::string refused;  // why it may not be, or was cut
  std::string failed;   // why a connection that may be was not made
};
// {"to","address","sent","received","refused","failed"}, without the members that are empty.
Json to_json(const Connection& connection);

class Broker {
 public:
  explicit Broker(std::vector<Destination> destinations, Resolver resolver = resolve);
  ~Broker() { stop(); }
  Broker(const Broker&) = delete;
  Broker& operator=(const Broker&) = delete;

  // Takes the listening socket, and returns at once.
  Result<void> serve(int listening);
  // Ends all connections; what came of each, in the order in which they were made. Empty when called again.
  std::vector<Connection> stop();

 private:
  struct Budget {
    Destination destination;
    std::atomic<std::uint64_t> sent = 0;
    std::atomic<std::uint64_t> received = 0;
  };
  struct Served {
    std::thread thread;
    std::atomic<bool> done = false;
    Connection connection = {};
  };

  void accept_all();
  void answer(int client, Connection& out);
  // A socket that is connected. ErrorKind::kDenied: no address of it may be connected to.
  Result<sandbox::detail::Fd> reach(const Destination& destination, Connection& out);
  void relay(int client, int remote, Budget& budget, std::string_view early, Connection& out);
  bool wait(int fd, short events) const;

  std::list<Budget> budgets_;
  Resolver resolver_;
  sandbox::detail::Fd listening_;
  sandbox::detail::Fd stop_;
  std::thread thread_;
  std::list<Served> served_;  // the accepting thread's, until it has ended
};

}  // namespace sallyport::services::egress
