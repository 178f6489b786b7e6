// The broker lets through what was declared, to the byte, and nothing else; and it is the only way out of the
// sandbox that it serves.
#include "services/egress/broker.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <thread>

#include "services/sandbox/sandbox.h"
#include "services/sandbox/testdata/fixture.h"

namespace sallyport::services::egress {
namespace {

using sandbox::detail::Fd;

Address loopback(std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Address out{.size = sizeof(in)};
  std::memcpy(&out.storage, &in, sizeof(in));
  return out;
}

Address numbered(const std::string& text, int family = AF_INET) {
  Address out;
  if (family == AF_INET) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    EXPECT_EQ(::inet_pton(AF_INET, text.c_str(), &in.sin_addr), 1);
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text.c_str(), &in.sin6_addr), 1);
    std::memcpy(&out.storage, &in, sizeof(in));
    out.size = sizeof(in);
  }
  return out;
}

Fd listen_on_loopback(std::uint16_t& port) {
  Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  Address address = loopback(0);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), address.size), 0);
  EXPECT_EQ(::listen(fd.get(), 64), 0);
  sockaddr_in in{};
  socklen_t size = sizeof(in);
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&in), &size);
  port = ntohs(in.sin_port);
  return fd;
}

// A host of the network: keeps what it is sent, answers each connection with as many bytes as it was told to.
class Host {
 public:
  explicit Host(std::size_t answer = 0) : answer_(answer), listening_(listen_on_loopback(port_)) {
    thread_ = std::thread([this] { serve(); });
  }
  ~Host() {
    ::shutdown(listening_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }
  std::string got() {
    const std::lock_guard lock(mutex_);
    return got_;
  }

 private:
  void serve() {
    while (true) {
      const Fd client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      if (!client) return;
      const std::string text(answer_, 'a');
      (void)::send(client.get(), text.data(), text.size(), MSG_NOSIGNAL);
      ::shutdown(client.get(), SHUT_WR);
      std::array<char, 65536> block{};
      for (ssize_t size = 0; (size = ::recv(client.get(), block.data(), block.size(), 0)) > 0;) {
        const std::lock_guard lock(mutex_);
        got_.append(block.data(), static_cast<std::size_t>(size));
      }
    }
  }

  std::size_t answer_;
  std::uint16_t port_ = 0;
  Fd listening_;
  std::mutex mutex_;
  std::string got_;
  std::thread thread_;
};

// Sends all of `text`, and reads until the broker closes.
std::string ask(std::uint16_t port, std::string_view text) {
  const Fd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address address = loopback(port);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address.storage), address.size), 0);
  std::thread sender([&] {
    for (std::size_t at = 0; at < text.size();) {
      const ssize_t done = ::send(fd.get(), text.data() + at, text.size() - at, MSG_NOSIGNAL);
      if (done <= 0) break;
      at += static_cast<std::size_t>(done);
    }
    ::shutdown(fd.get(), SHUT_WR);
  });
  std::string out;
  std::array<char, 65536> block{};
  for (ssize_t size = 0; (size = ::recv(fd.get(), block.data(), block.size(), 0)) > 0;) {
    out.append(block.data(), static_cast<std::size_t>(size));
  }
  sender.join();
  return out;
}

class Brokered : public ::testing::Test {
 protected:
  void start(std::vector<Destination> destinations, Resolver resolver) {
    broker_.emplace(std::move(destinations), std::move(resolver));
    Fd listening = listen_on_loopback(port_);
    ASSERT_TRUE(broker_->serve(listening.release()));
  }
  std::string request(const std::string& to, const std::string& body = "") {
    return ask(port_, "CONNECT " + to + " HTTP/1.1\r\nHost: " + to + "\r\n\r\n" + body);
  }

  std::optional<Broker> broker_;
  std::uint16_t port_ = 0;
};

Destination destination(const std::string& host, std::uint16_t port, bool is_private) {
  return {.to = {.host = host, .port = port}, .is_private = is_private};
}

TEST_F(Brokered, CarriesBytesBothWays) {
  Host host(300'000);
  start({destination("store.example.org", host.port(), true)},
        [&](const Authority& to) { return std::vector<Address>{loopback(to.port)}; });
  const std::string sent(200'000, 's');
  const std::string got = request("Store.Example.org:" + std::to_string(host.port()), sent);
  EXPECT_TRUE(got.starts_with("HTTP/1.1 200")) << got.substr(0, 100);
  EXPECT_EQ(std::count(got.begin(), got.end(), 'a'), 300'000 + 1);  // one in "established"
  const auto connections = broker_->stop();
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0].sent, sent.size());
  EXPECT_EQ(connections[0].received, 300'000U);
  EXPECT_EQ(connections[0].address, "127.0.0.1");
  EXPECT_EQ(connections[0].refused + connections[0].failed, "");
  EXPECT_EQ(host.got(), sent);
}

TEST_F(Brokered, RefusesWhatWasNotDeclared) {
  Host host;
  int asked = 0;
  start({destination("store.example.org", host.port(), true)}, [&](const Authority& to) {
    ++asked;
    return std::vector<Address>{loopback(to.port)};
  });
  const std::string port = std::to_string(host.port());
  const std::array<std::string, 6> others{"evil.example.org:" + port,
                                          "store.example.org:1",
                                          "127.0.0.1:" + port,
                                          "store.example.org.:" + port,
                                          "secret.store.example.org:" + port,
                                          "[::1]:" + port};
  for (const std::string& other : others)
    EXPECT_TRUE(request(other, "x").starts_with("HTTP/1.1 40")) << other;
  EXPECT_TRUE(ask(port_, "GET http://store.example.org/ HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 405"));
  EXPECT_TRUE(ask(port_, std::string(20'000, 'x')).starts_with("HTTP/1.1 400"));
  EXPECT_EQ(asked, 0) << "a name was asked for that nobody declared";
  for (const Connection& connection : broker_->stop()) {
    EXPECT_NE(connection.refused, "") << connection.to;
    EXPECT_EQ(connection.sent + connection.received, 0U);
  }
  EXPECT_EQ(host.got(), "");
}

TEST_F(Brokered, NamesAreNotPointedInside) {
  Host host;
  std::vector<Address> answer;
  start({destination("store.example.org", host.port(), false)}, [&](const Authority&) { return answer; });
  const std::string to = "store.example.org:" + std::to_string(host.port());
  const std::vector<std::vector<Address>> answers{{loopback(host.port())},
                                                  {numbered("93.184.216.34"), numbered("10.0.0.7")},
                                                  {numbered("::ffff:127.0.0.1", AF_INET6)}};
  for (const auto& next : answers) {
    answer = next;
    EXPECT_TRUE(request(to, "secret").starts_with("HTTP/1.1 403"));
  }
  for (const Connection& connection : broker_->stop()) {
    EXPECT_EQ(connection.refused, "its name leads to an address that is not public");
  }
  EXPECT_EQ(host.got(), "");
}

TEST_F(Brokered, NoByteBeyondABudgetPasses) {
  Host host(50'000);
  Destination one = destination("store.example.org", host.port(), true);
  one.send_bytes_max = 1000;
  one.receive_bytes_max = 60'000;
  start({one}, [&](const Authority& to) { return std::vector<Address>{loopback(to.port)}; });
  const std::string to = "store.example.org:" + std::to_string(host.port());
  request(to, std::string(600, 'x'));
  request(to, std::string(600, 'x'));
  const auto connections = broker_->stop();
  ASSERT_EQ(connections.size(), 2U);
  EXPECT_EQ(connections[0].refused, "");
  EXPECT_NE(connections[1].refused, "");
  EXPECT_LE(connections[0].sent + connections[1].sent, 1000U);
  EXPECT_LE(connections[0].received + connections[1].received, 60'000U);
  EXPECT_LE(host.got().size(), 1000U);
}

TEST_F(Brokered, SaysWhyADestinationWasNotReached) {
  std::uint16_t closed = 0;
  listen_on_loopback(closed).reset();
  start({destination("store.example.org", closed, true)},
        [&](const Authority& to) { return std::vector<Address>{loopback(to.port)}; });
  EXPECT_TRUE(request("store.example.org:" + std::to_string(closed)).starts_with("HTTP/1.1 502"));
  const auto connections = broker_->stop();
  ASSERT_EQ(connections.size(), 1U);
  EXPECT_EQ(connections[0].refused, "");
  EXPECT_EQ(connections[0].failed, "Connection refused");
}

TEST(Addresses, OfTheInsideAreNotPublic) {
  for (const char* text : {"0.0.0.0", "10.1.2.3", "100.64.0.1", "127.0.0.1", "169.254.169.254", "172.16.0.1",
                           "172.31.255.255", "192.168.1.1", "198.18.0.1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_FALSE(is_public(numbered(text))) << text;
  }
  for (const char* text : {"1.1.1.1", "93.184.216.34", "100.128.0.1", "172.32.0.1", "198.20.0.1"}) {
    EXPECT_TRUE(is_public(numbered(text))) << text;
  }
  for (const char* text : {"::", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "fe80::1", "fc00::1", "ff02::1",
                           "2001:db8::1", "2001::1", "2002:7f00:1::1"}) {
    EXPECT_FALSE(is_public(numbered(text, AF_INET6))) << text;
  }
  for (const char* text : {"2606:4700::1111", "2a00:1450::1", "2001:4860::8888"}) {
    EXPECT_TRUE(is_public(numbered(text, AF_INET6))) << text;
  }
}

// The whole: a confined Python reaches the host that it declares, and by no other way anything.
TEST(Egress, IsTheOnlyWayOutOfTheSandbox) {
  Host host(5);
  Host other;
  sandbox::testing::Folder folder;
  sandbox::testing::write_text(folder.in() / "client.py",
                               "import socket, sys\n"
                               "def tunnel(to):\n"
                               "  s = socket.create_connection(('127.0.0.1', 3128))\n"
                               "  s.sendall(('CONNECT %s HTTP/1.1\\r\\n\\r\\n' % to).encode())\n"
                               "  head = b''\n"
                               "  while b'\\r\\n\\r\\n' not in head: head += s.recv(4096)\n"
                               "  return s, head\n"
                               "s, head = tunnel(sys.argv[1])\n"
                               "assert b' 200 ' in head, head\n"
                               "s.sendall(b'weights')\n"
                               "s.shutdown(socket.SHUT_WR)\n"
                               "body = head.split(b'\\r\\n\\r\\n')[1]\n"
                               "while True:\n"
                               "  more = s.recv(100)\n"
                               "  if not more: break\n"
                               "  body += more\n"
                               "assert body == b'aaaaa', body\n"
                               "assert b' 403 ' in tunnel(sys.argv[2])[1]\n"
                               "for port in (int(sys.argv[2].split(':')[1]), 3129):\n"
                               "  try: socket.create_connection(('127.0.0.1', port), 1)\n"
                               "  except OSError: continue\n"
                               "  sys.exit('a way around the broker')\n"
                               "for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):\n"
                               "  try: socket.socket(socket.AF_INET, kind)\n"
                               "  except PermissionError: continue\n"
                               "  sys.exit('another kind of socket')\n");
  sandbox::Confinement box = sandbox::testing::probe_confinement(folder, "");
  const auto at = [](const Host& one) { return "store.example.org:" + std::to_string(one.port()); };
  box.command = {"python3", "-I", "-S", "/in/client.py", at(host), at(other)};
  box.network = sandbox::Network::kBroker;
  const Result<sandbox::Outcome> nobody = sandbox::run(box);
  EXPECT_FALSE(nobody) << "nobody listens";
  Broker broker({destination("store.example.org", host.port(), true)},
                [](const Authority& to) { return std::vector<Address>{loopback(to.port)}; });
  const Result<sandbox::Outcome> outcome =
      sandbox::run(box, {.on_listening = [&](int listening) { return broker.serve(listening); }});
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->exit_status, 0) << sandbox::testing::read_text(folder.root() / "stderr");
  const auto connections = broker.stop();
  ASSERT_EQ(connections.size(), 2U);
  EXPECT_EQ(connections[0].sent, 7U);
  EXPECT_EQ(connections[0].received, 5U);
  EXPECT_NE(connections[1].refused, "");
  EXPECT_EQ(host.got(), "weights");
  EXPECT_EQ(other.got(), "");
  EXPECT_EQ(sandbox::testing::denied(*outcome, "socket(AF_INET)"), 2U);
}

}  // namespace
}  // namespace sallyport::services::egress
