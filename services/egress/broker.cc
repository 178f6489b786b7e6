#include "services/egress/broker.h"

#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <memory>

namespace sallyport::services::egress {
namespace {

using formats::parse_connect;
using formats::text_of;
using sandbox::detail::Fd;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kMade = "HTTP/1.1 200 Connection established\r\n\r\n";

std::string os_text() { return std::strerror(errno); }

void set_no_wait(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

std::string refusal(std::string_view status, std::string_view why) {
  return "HTTP/1.1 " + std::string(status) +
         "\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
         std::to_string(why.size() + 12) + "\r\n\r\nsallyport: " + std::string(why) + "\n";
}

// One direction of a connection: what was read and not yet written.
class Flow {
 public:
  Flow(int from, int to, std::atomic<std::uint64_t>& spent, std::uint64_t most, std::uint64_t& count)
      : from_(from), to_(to), spent_(spent), most_(most), count_(count) {}

  short reads() const { return !ended_ && begin_ == end_ ? POLLIN : 0; }
  short writes() const { return begin_ < end_ ? POLLOUT : 0; }
  bool over() const { return over_; }
  // Nothing more will pass.
  bool done() const { return (ended_ || over_) && begin_ == end_; }

  // Counts `text` as read.
  void take(std::string_view text) {
    std::memcpy(room_.data(), text.data(), text.size());
    begin_ = 0;
    end_ = allowed(text.size());
  }
  // False when the connection broke.
  bool read() {
    const ssize_t got = ::recv(from_, room_.data(), room_.size(), 0);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    ended_ = got == 0;
    begin_ = 0;
    end_ = allowed(static_cast<std::size_t>(got));
    if (ended_) ::shutdown(to_, SHUT_WR);
    return true;
  }
  bool write() {
    const ssize_t done = ::send(to_, room_.data() + begin_, end_ - begin_, MSG_NOSIGNAL);
    if (done < 0) return errno == EAGAIN || errno == EINTR;
    begin_ += static_cast<std::size_t>(done);
    count_ += static_cast<std::uint64_t>(done);
    return true;
  }

 private:
  // How much of what was read the budget lets pass; bytes are reserved before they move.
  std::size_t allowed(std::size_t size) {
    std::uint64_t spent = spent_.load();
    std::uint64_t now = 0;
    do now = std::min<std::uint64_t>(size, most_ - std::min(most_, spent));
    while (!spent_.compare_exchange_weak(spent, spent + now));
    over_ = now < size;
    return static_cast<std::size_t>(now);
  }

  int from_;
  int to_;
  std::atomic<std::uint64_t>& spent_;
  std::uint64_t most_;
  std::uint64_t& count_;
  std::array<char, 64 * limits::kKiB> room_{};
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool ended_ = false;
  bool over_ = false;
};

}  // namespace

Json to_json(const Destination& destination) {
  Json out{{"to", text_of(destination.to)},
           {"send_bytes_max", destination.send_bytes_max},
           {"receive_bytes_max", destination.receive_bytes_max}};
  if (destination.is_private) out["private"] = true;
  return out;
}

Json to_json(const Connection& connection) {
  Json out{{"to", connection.to}, {"sent", connection.sent}, {"received", connection.received}};
  if (!connection.address.empty()) out["address"] = connection.address;
  if (!connection.refused.empty()) out["refused"] = connection.refused;
  if (!connection.failed.empty()) out["failed"] = connection.failed;
  return out;
}

Broker::Broker(std::vector<Destination> destinations, Resolver resolver) : resolver_(std::move(resolver)) {
  for (Destination& destination : destinations) budgets_.emplace_back().destination = std::move(destination);
}

Result<void> Broker::serve(int listening) {
  listening_ = Fd(listening);
  stop_ = Fd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!listening_ || !stop_) return fail(ErrorKind::kIo, "broker: cannot start: " + os_text());
  set_no_wait(listening_.get());
  thread_ = std::thread([this] { accept_all(); });
  return {};
}

std::vector<Connection> Broker::stop() {
  if (!thread_.joinable()) return {};
  const std::uint64_t one = 1;
  while (::write(stop_.get(), &one, sizeof(one)) < 0 && errno == EINTR) {
  }
  thread_.join();
  listening_.reset();
  std::vector<Connection> out;
  for (Served& served : served_) {
    if (served.thread.joinable()) served.thread.join();
    out.push_back(std::move(served.connection));
  }
  served_.clear();
  return out;
}

// True when `events` came before the broker is stopped and before the wait is over.
bool Broker::wait(int fd, short events) const {
  std::array<pollfd, 2> watched{pollfd{fd, events, 0}, pollfd{stop_.get(), POLLIN, 0}};
  int ready = 0;
  do ready = ::poll(watched.data(), watched.size(), limits::kEgressWaitMsMax);
  while (ready < 0 && errno == EINTR);
  return ready > 0 && watched[1].revents == 0;
}

void Broker::accept_all() {
  while (true) {
    std::size_t open = 0;
    for (Served& served : served_) {
      if (!served.thread.joinable()) continue;
      if (served.done) {
        served.thread.join();
      } else {
        ++open;
      }
    }
    const bool full =
        open >= limits::kEgressConnectionsAtOnceMax || served_.size() >= limits::kEgressConnectionsMax;
    std::array<pollfd, 2> watched{pollfd{full ? -1 : listening_.get(), POLLIN, 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    constexpr int kLookAgainMs = 20;
    ::poll(watched.data(), watched.size(), full ? kLookAgainMs : -1);
    if (watched[1].revents != 0) return;
    if (watched[0].revents == 0) continue;
    const int client = ::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (client < 0) {
      // Out of descriptors, or a connection that was gone before it was taken.
      if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED) ::poll(nullptr, 0, kLookAgainMs);
      continue;
    }
    Served& served = served_.emplace_back();
    served.thread = std::thread([this, client, &served] {
      const Fd owned(client);
      answer(owned.get(), served.connection);
      served.done = true;
    });
  }
}

void Broker::answer(int client, Connection& out) {
  std::string head;
  std::size_t end = std::string::npos;
  const auto deadline = Clock::now() + std::chrono::milliseconds(limits::kEgressWaitMsMax);
  while (end == std::string::npos && head.size() < limits::kEgressRequestBytesMax) {
    std::array<char, 4096> block{};
    if (!wait(client, POLLIN) || Clock::now() > deadline) break;
    const ssize_t got =
        ::recv(client, block.data(), std::min(block.size(), limits::kEgressRequestBytesMax - head.size()), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) break;
    head.append(block.data(), static_cast<std::size_t>(got));
    end = head.find("\r\n\r\n");
  }
  const auto refuse = [&](std::string_view status, std::string why) {
    const std::string text = refusal(status, why);
    (status.starts_with('5') ? out.failed : out.refused) = std::move(why);
    // A client that does not take its refusal has closed, or need not know.
    (void)::send(client, text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(client, SHUT_WR);
  };
  if (end == std::string::npos) return refuse("400 Bad Request", "no request to connect");
  const Result<Authority> asked = parse_connect(std::string_view(head).substr(0, end + 4));
  if (!asked) {
    return refuse(head.starts_with("CONNECT ") ? "400 Bad Request" : "405 Method Not Allowed",
                  asked.error().message);
  }
  out.to = text_of(*asked);
  const auto budget = std::find_if(budgets_.begin(), budgets_.end(),
                                   [&](const Budget& known) { return known.destination.to == *asked; });
  if (budget == budgets_.end()) return refuse("403 Forbidden", "not a destination that the step declares");
  const Result<Fd> remote = reach(budget->destination, out);
  if (!remote)
    return refuse(remote.error().kind == ErrorKind::kDenied ? "403 Forbidden" : "502 Bad Gateway",
                  remote.error().message);
  relay(client, remote->get(), *budget, std::string_view(head).substr(end + 4), out);
}

Result<Fd> Broker::reach(const Destination& destination, Connection& out) {
  const std::vector<Address> addresses = TRY(resolver_(destination.to));
  const auto inside =
      std::find_if(addresses.begin(), addresses.end(), [](const Address& at) { return !is_public(at); });
  if (!destination.is_private && inside != addresses.end()) {
    out.address = text_of(*inside);
    return fail(ErrorKind::kDenied, "its name leads to an address that is not public");
  }
  std::string why = "it has no address";
  for (const Address& address : addresses) {
    Fd remote(::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!remote) return fail(ErrorKind::kIo, os_text());
    const int done =
        ::connect(remote.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size);
    int error = done == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      error = ETIMEDOUT;
      socklen_t size = sizeof(error);
      if (wait(remote.get(), POLLOUT)) ::getsockopt(remote.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    }
    if (error != 0) {
      why = std::strerror(error);
      continue;
    }
    out.address = text_of(address);
    const int on = 1;
    ::setsockopt(remote.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return remote;
  }
  return fail(ErrorKind::kIo, why);
}

void Broker::relay(int client, int remote, Budget& budget, std::string_view early, Connection& out) {
  if (::send(client, kMade.data(), kMade.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kMade.size())) return;
  const auto flows = std::make_unique<std::array<Flow, 2>>(std::array<Flow, 2>{
      Flow(client, remote, budget.sent, budget.destination.send_bytes_max, out.sent),
      Flow(remote, client, budget.received, budget.destination.receive_bytes_max, out.received)});
  Flow& up = (*flows)[0];
  Flow& down = (*flows)[1];
  if (!early.empty()) up.take(early);
  bool whole = true;
  while (whole && !(up.done() && down.done()) && !(up.over() && up.done()) && !(down.over() && down.done())) {
    std::array<pollfd, 3> watched{pollfd{client, static_cast<short>(up.reads() | down.writes()), 0},
                                  pollfd{remote, static_cast<short>(down.reads() | up.writes()), 0},
                                  pollfd{stop_.get(), POLLIN, 0}};
    // A side that asks for nothing is not watched, or its hang-up would be told over and over.
    if (watched[0].events == 0) watched[0].fd = -1;
    if (watched[1].events == 0) watched[1].fd = -1;
    if (::poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) break;
    if (watched[2].revents != 0) break;
    const auto ready = [](const pollfd& at) { return (at.revents & (POLLIN | POLLHUP | POLLERR)) != 0; };
    const auto room = [](const pollfd& at) { return (at.revents & (POLLOUT | POLLHUP | POLLERR)) != 0; };
    if (up.writes() != 0 && room(watched[1])) whole = up.write() && whole;
    if (down.writes() != 0 && room(watched[0])) whole = down.write() && whole;
    if (up.reads() != 0 && ready(watched[0])) whole = up.read() && whole;
    if (down.reads() != 0 && ready(watched[1])) whole = down.read() && whole;
  }
  if (up.over()) out.refused = "it was to be sent more than its budget";
  if (down.over()) out.refused = "it sent more than its budget";
}

}  // namespace sallyport::services::egress
