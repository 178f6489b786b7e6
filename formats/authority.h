// "host:port" and the CONNECT request that names one (RFC 9110 section 9.3.6), read strictly from a process
// that is not trusted.
//
// A host is a name of lower-case letters, digits, dashes and underscores in labels, an IPv4 address in its
// plain form, or an IPv6 address in brackets. Pure; safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct Authority {
  std::string host;  // lower case, without brackets
  std::uint16_t port = 0;

  auto operator<=>(const Authority&) const = default;
};

// "files.example.org:443", "[2001:db8::1]:443".
std::string text_of(const Authority& authority);

// At most limits::kEgressHostBytesMax bytes of host; the port is from 1 to 65535 without leading zeros.
// Capital letters of a name are made small.
Result<Authority> parse_authority(std::string_view text);

// The whole head of a request, with its last empty line; at most limits::kEgressRequestBytesMax bytes.
// Anything but CONNECT in HTTP/1.1 or HTTP/1.0, a target other than its Host field, a body and a malformed
// field are errors.
Result<Authority> parse_connect(std::string_view head);

}  // namespace sallyport::formats
