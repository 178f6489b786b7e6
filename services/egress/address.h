// Addresses of the network, and which of them are nobody's inside: what the broker may connect to for a name
// that anybody may point anywhere.
//
// Pure but for resolve(). Safe from any thread.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <functional>
#include <string>
#include <vector>

#include "core/result.h"
#include "formats/authority.h"

namespace sallyport::services::egress {

using formats::Authority;

struct Address {
  sockaddr_storage storage = {};
  socklen_t size = 0;
};

// "192.0.2.7", "2001:db8::1".
std::string text_of(const Address& address);

// False for everything but ordinary unicast of the public internet: loopback, private, shared, link-local,
// documentation, multicast, reserved, and addresses that carry an IPv4 address within (IANA's registries of
// special-purpose addresses, RFC 6890).
bool is_public(const Address& address);

// At most limits::kEgressAddressesMax addresses of one host.
using Resolver = std::function<Result<std::vector<Address>>(const Authority&)>;
// That of this machine.
Result<std::vector<Address>> resolve(const Authority& authority);

}  // namespace sallyport::services::egress
