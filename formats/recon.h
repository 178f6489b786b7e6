// What a file gives away of the place where it is used: addresses of private networks, hosts of internal
// domains, buckets, registries, accounts and people.
//
// Settings and documents are read whole, code in its comments and strings. Addresses for documentation (RFC
// 5737, RFC 2606), loopback, and the defaults that every router and container has are nobody's secret. One
// pass over the text, no recursion. Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats {

struct Trace {
  std::string_view rule;  // "internal-host": stable between releases
  std::string_view what;  // "a host of an internal domain"
  std::size_t line = 0;
  std::string text;  // as it stands there, at most 80 bytes
};

// The host of "scheme://user@host:port/path?query", "user@host", "host:port/path".
std::string_view host_of(std::string_view token);

// `path` says what kind of file it is; files that a tool writes or that name people by their nature are not
// read.
std::vector<Trace> find_traces(std::string_view path, std::string_view text);

}  // namespace sallyport::formats
