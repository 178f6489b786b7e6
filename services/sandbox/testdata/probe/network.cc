#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <string>

#include "services/sandbox/testdata/probe/probe.h"

namespace probe {
namespace {

bool sends(int family, int type) {
  const int fd = ::socket(family, type | SOCK_CLOEXEC, 0);
  if (!worked(fd)) return false;
  const auto port = htons(static_cast<std::uint16_t>(std::atoi(text_of("PROBE_PORT").c_str())));
  sockaddr_in four{
      .sin_family = AF_INET, .sin_port = port, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  sockaddr_in6 six{};
  six.sin6_family = AF_INET6;
  six.sin6_port = port;
  six.sin6_addr = in6addr_loopback;
  const void* address = family == AF_INET ? static_cast<void*>(&four) : static_cast<void*>(&six);
  const socklen_t size = family == AF_INET ? sizeof(four) : sizeof(six);
  return worked(::connect(fd, static_cast<const sockaddr*>(address), size)) &&
         worked(::send(fd, "out", 3, 0));
}

bool tcp() { return sends(AF_INET, SOCK_STREAM); }
bool udp() { return sends(AF_INET, SOCK_DGRAM); }
bool tcp6() { return sends(AF_INET6, SOCK_DGRAM); }

bool dns() {
  addrinfo* found = nullptr;
  addrinfo hints{};
  hints.ai_family = AF_INET;
  const int error = ::getaddrinfo("sallyport.invalid", "53", &hints, &found);
  why = ::gai_strerror(error);
  // The name exists nowhere: what counts is whether a resolver could have been asked.
  const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
  return worked(fd);
}

bool raw_packet() { return worked(::socket(AF_PACKET, SOCK_RAW, 0)); }
bool raw_ip() { return worked(::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP)); }
bool netlink() { return worked(::socket(AF_NETLINK, SOCK_RAW, 0)); }
bool vsock() { return worked(::socket(AF_VSOCK, SOCK_STREAM, 0)); }
bool crypto_socket() { return worked(::socket(AF_ALG, SOCK_SEQPACKET, 0)); }

int connected(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!worked(fd)) return -1;
  const sockaddr_in at{
      .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
  if (worked(::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof(at)))) return fd;
  ::close(fd);
  return -1;
}
std::string received(int fd, std::string_view until) {
  std::string text;
  std::array<char, 4096> block{};
  while (until.empty() || text.find(until) == std::string::npos) {
    const ssize_t size = ::recv(fd, block.data(), block.size(), 0);
    if (size <= 0) break;
    text.append(block.data(), static_cast<std::size_t>(size));
  }
  return text;
}

// By the broker where there is one, else straight: the host answers how many bytes it got.
bool exfiltrate() {
  constexpr std::uint16_t kBroker = 3128;
  int fd = connected(kBroker);
  if (fd >= 0) {
    const std::string ask = "CONNECT " + text_of("PROBE_TO") + " HTTP/1.1\r\n\r\n";
    if (!worked(::send(fd, ask.data(), ask.size(), MSG_NOSIGNAL))) return false;
    const std::string head = received(fd, "\r\n\r\n");
    if (head.find(" 200 ") == std::string::npos) {
      why = head.substr(head.rfind("sallyport: ") == std::string::npos ? 0 : head.rfind("sallyport: ") + 11);
      why = why.substr(0, why.find_first_of("\r\n"));
      return false;
    }
  } else {
    fd = connected(static_cast<std::uint16_t>(std::atoi(text_of("PROBE_DRAIN").c_str())));
  }
  const std::string secret(4096, 's');
  if (fd < 0 || !worked(::send(fd, secret.data(), secret.size(), MSG_NOSIGNAL))) return false;
  ::shutdown(fd, SHUT_WR);
  const std::string answer = received(fd, "");
  why = "the host got " + (answer.empty() ? "less" : answer);
  return answer == "4096";
}

bool unix_connect(const std::string& name) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (!worked(fd)) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return worked(::connect(fd, reinterpret_cast<sockaddr*>(&address), size));
}
bool abstract_socket() { return unix_connect(std::string(1, '\0') + text_of("PROBE_ABSTRACT")); }
bool socket_file() { return unix_connect(text_of("PROBE_SOCKET")); }

constexpr std::array kProbes{
    Probe{"tcp", tcp},
    Probe{"udp", udp},
    Probe{"tcp6", tcp6},
    Probe{"dns", dns},
    Probe{"raw_packet", raw_packet},
    Probe{"raw_ip", raw_ip},
    Probe{"netlink", netlink},
    Probe{"vsock", vsock},
    Probe{"crypto_socket", crypto_socket},
    Probe{"abstract_socket", abstract_socket},
    Probe{"socket_file", socket_file},
    Probe{"exfiltrate", exfiltrate, false},
};

}  // namespace

std::span<const Probe> network() { return kProbes; }

}  // namespace probe
