#include "services/egress/address.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "core/limits/sandbox.h"

namespace sallyport::services::egress {
namespace {

struct Block {
  std::uint32_t first;
  unsigned bits;
};

constexpr std::uint32_t four(unsigned a, unsigned b, unsigned c) { return a << 24U | b << 16U | c << 8U; }

constexpr std::array kSpecial{
    Block{four(0, 0, 0), 8},      Block{four(10, 0, 0), 8},     Block{four(100, 64, 0), 10},
    Block{four(127, 0, 0), 8},    Block{four(169, 254, 0), 16}, Block{four(172, 16, 0), 12},
    Block{four(192, 0, 0), 24},   Block{four(192, 0, 2), 24},   Block{four(192, 88, 99), 24},
    Block{four(192, 168, 0), 16}, Block{four(198, 18, 0), 15},  Block{four(198, 51, 100), 24},
    Block{four(203, 0, 113), 24}, Block{four(224, 0, 0), 3},
};

bool is_public_four(std::uint32_t address) {
  return std::none_of(kSpecial.begin(), kSpecial.end(),
                      [&](const Block& block) { return (address ^ block.first) >> (32 - block.bits) == 0; });
}

// Of 2000::/3, what is neither for documentation, nor a tunnel that carries IPv4, nor a protocol's own.
bool is_public_six(const std::uint8_t* bytes) {
  if ((bytes[0] & 0xe0U) != 0x20U) return false;
  const unsigned first = static_cast<unsigned>(bytes[0]) << 8U | bytes[1];
  const unsigned second = static_cast<unsigned>(bytes[2]) << 8U | bytes[3];
  if (first == 0x2001 && (second < 0x0200 || second == 0x0db8)) return false;
  return first != 0x2002 && !(first == 0x3fff && second < 0x1000);
}

}  // namespace

std::string text_of(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof(in));
    ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
  } else if (address.storage.ss_family == AF_INET6) {
    sockaddr_in6 in{};
    std::memcpy(&in, &address.storage, sizeof(in));
    ::inet_ntop(AF_INET6, &in.sin6_addr, text.data(), text.size());
  }
  return text.data();
}

bool is_public(const Address& address) {
  if (address.storage.ss_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &address.storage, sizeof(in));
    return is_public_four(ntohl(in.sin_addr.s_addr));
  }
  if (address.storage.ss_family != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, &address.storage, sizeof(in));
  return is_public_six(in.sin6_addr.s6_addr);
}

Result<std::vector<Address>> resolve(const Authority& authority) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(authority.port);
  if (const int code = ::getaddrinfo(authority.host.c_str(), port.c_str(), &hints, &found); code != 0) {
    return fail(ErrorKind::kNotFound, authority.host + ": " + ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> release(found, ::freeaddrinfo);
  std::vector<Address> out;
  for (const addrinfo* at = found; at != nullptr && out.size() < limits::kEgressAddressesMax;
       at = at->ai_next) {
    if (at->ai_family != AF_INET && at->ai_family != AF_INET6) continue;
    Address address{.size = at->ai_addrlen};
    std::memcpy(&address.storage, at->ai_addr,
                std::min<std::size_t>(at->ai_addrlen, sizeof(address.storage)));
    out.push_back(address);
  }
  return out;
}

}  // namespace sallyport::services::egress
