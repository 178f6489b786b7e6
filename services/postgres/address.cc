#include "services/postgres/address.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "core/limits/postgres.h"
#include "core/text.h"
#include "services/http/hosts.h"
#include "services/http/url.h"

namespace sallyport::services::postgres {
namespace {

constexpr std::array<std::string_view, 4> kSchemes{"postgresql", "postgres", "postgresql+psycopg2",
                                                   "postgresql+psycopg"};
constexpr std::array<std::string_view, 8> kParameters{"host",    "port",   "sslmode",  "sslrootcert",
                                                      "sslcert", "sslkey", "passfile", "connect_timeout"};

std::unexpected<Error> wrong(const std::string& why) {
  return invalid("database URL: " + why, "postgresql://USER@HOST/NAME?passfile=FILE");
}

Result<std::string> decoded(std::string_view text, const std::string& what) {
  auto out = http::percent_decode(text);
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (!out || std::ranges::any_of(*out, is_control)) {
    return wrong(what + " has a control character, is not UTF-8 or has a '%' that escapes nothing");
  }
  return std::move(*out);
}

Result<int> number_in(const std::string& text, int low, int high, const std::string& what) {
  const auto out = parsed_number<int>(text);
  if (!out || *out < low || *out > high) {
    return wrong(what + " is not a number from " + std::to_string(low) + " to " + std::to_string(high));
  }
  return *out;
}

struct Parts {
  std::string user = {};
  std::optional<std::string> password = {};
  std::string host = {};
  std::string port = {};
  std::string name = {};
  std::map<std::string, std::string> parameters = {};
};

Result<void> read_host(std::string_view text, Parts& parts) {
  std::size_t end = text.find(':');
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return wrong("its host has no ']'");
    parts.host = text.substr(1, close - 1);
    const auto is_of_ipv6 = [](char c) {
      return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' ||
             c == '.';
    };
    if (parts.host.find(':') == std::string::npos || !std::ranges::all_of(parts.host, is_of_ipv6)) {
      return wrong("between '[' and ']' there is no address of IPv6");
    }
    end = close + 1;
    if (end < text.size() && text[end] != ':') return wrong("something stands behind ']'");
  } else {
    parts.host = TRY(decoded(text.substr(0, end), "its host"));
  }
  if (end >= text.size()) return {};
  parts.port = text.substr(end + 1);
  if (parts.port.empty()) return wrong("its port is empty");
  return {};
}

Result<void> read_authority(std::string_view text, Parts& parts) {
  const std::size_t sign = text.find('@');
  if (sign == std::string_view::npos) return read_host(text, parts);
  const std::string_view who = text.substr(0, sign);
  const std::string_view where = text.substr(sign + 1);
  if (where.find('@') != std::string_view::npos) return wrong("a second '@': write %40 within a password");
  const std::size_t colon = who.find(':');
  parts.user = TRY(decoded(who.substr(0, colon), "its user"));
  if (parts.user.empty()) return wrong("its user is empty");
  if (colon != std::string_view::npos) {
    if (who.find(':', colon + 1) != std::string_view::npos) {
      return wrong("a second ':': write %3A within a password");
    }
    parts.password = TRY(decoded(who.substr(colon + 1), "its password"));
  }
  return read_host(where, parts);
}

Result<void> read_parameters(std::string_view text, Parts& parts) {
  while (!text.empty()) {
    const std::size_t end = text.find('&');
    const std::string_view one = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    const std::size_t sign = one.find('=');
    const std::string name(one.substr(0, sign));
    // What else there is could weaken what this server promises, or hold a password.
    if (std::ranges::find(kParameters, name) == kParameters.end()) {
      return wrong(
          "a parameter is none of host, port, sslmode, sslrootcert, sslcert, sslkey, passfile, "
          "connect_timeout");
    }
    if (sign == std::string_view::npos) return wrong("parameter " + name + " has no value");
    std::string value = TRY(decoded(one.substr(sign + 1), "parameter " + name));
    if (value.empty()) return wrong("parameter " + name + " is empty");
    if (!parts.parameters.emplace(name, std::move(value)).second) {
      return wrong("parameter " + name + " is said twice");
    }
  }
  return {};
}

// What the authority left out may stand among the parameters.
Result<void> settle(Parts& parts) {
  for (const auto& [name, into] : {std::pair{"host", &parts.host}, std::pair{"port", &parts.port}}) {
    const auto found = parts.parameters.find(name);
    if (found == parts.parameters.end()) continue;
    if (!into->empty()) return wrong("its " + std::string(name) + " is said twice");
    *into = found->second;
    parts.parameters.erase(found);
  }
  if (parts.host.empty()) {
    return wrong("it names no host; a socket's folder is ?host=/FOLDER");
  }
  // A list would fail over to a server that may lack what the other acknowledged.
  if (parts.host.find(',') != std::string::npos) return wrong("it names more than one host");
  const bool socket = parts.host.starts_with('/');
  const auto is_of_host = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
           c == '-' || c == '_' || c == ':';
  };
  if (!socket && !std::ranges::all_of(parts.host, is_of_host)) {
    return wrong("its host is neither a name nor an address nor a folder");
  }
  if (!parts.port.empty()) TRY(number_in(parts.port, 1, 65535, "its port"));
  if (parts.name.empty()) return wrong("it names no database");
  return {};
}

bool is_on_this_machine(const std::string& host) {
  return host.starts_with('/') || host == "localhost" || http::is_loopback(host);
}

Result<void> settle_transport(Parts& parts) {
  auto& wanted = parts.parameters["connect_timeout"];
  if (wanted.empty()) wanted = std::to_string(limits::kDatabaseConnectS);
  TRY(number_in(wanted, 2, limits::kDatabaseConnectSMax, "parameter connect_timeout"));
  auto& mode = parts.parameters["sslmode"];
  const bool here = is_on_this_machine(parts.host);
  if (mode.empty()) mode = here ? "prefer" : "verify-full";
  const bool checked = mode == "verify-full" || mode == "verify-ca";
  const bool known = checked || mode == "disable" || mode == "allow" || mode == "prefer" || mode == "require";
  if (!known) return wrong("parameter sslmode is none of PostgreSQL's words");
  if (checked || here) return {};
  return invalid("database URL: sslmode must be verify-full or verify-ca for a database on another machine",
                 "?sslrootcert=FILE names who vouches for it");
}

}  // namespace

Result<Address> parse_address(std::string_view url) {
  if (url.size() > limits::kDatabaseUrlBytesMax) {
    return fail(ErrorKind::kLimit, "database URL: longer than " +
                                       std::to_string(limits::kDatabaseUrlBytesMax) +
                                       " bytes (kDatabaseUrlBytesMax)");
  }
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos ||
      std::ranges::find(kSchemes, url.substr(0, scheme)) == kSchemes.end()) {
    return wrong("it does not begin with postgresql://");
  }
  if (url.find('#') != std::string_view::npos) return wrong("it has a '#': write %23");
  std::string_view rest = url.substr(scheme + 3);
  Parts parts;
  const std::size_t mark = rest.find('?');
  if (mark != std::string_view::npos) TRY(read_parameters(rest.substr(mark + 1), parts));
  rest = rest.substr(0, mark);
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return wrong("it names no database");
  TRY(read_authority(rest.substr(0, slash), parts));
  if (rest.find('/', slash + 1) != std::string_view::npos) return wrong("its database has a '/'");
  parts.name = TRY(decoded(rest.substr(slash + 1), "its database"));
  TRY(settle(parts));
  TRY(settle_transport(parts));
  Address out;
  const bool socket = parts.host.starts_with('/');
  out.shown = "postgresql://" + (parts.user.empty() ? "" : parts.user + "@") + (socket ? "" : parts.host) +
              (parts.port.empty() ? "" : ":" + parts.port) + "/" + parts.name +
              (socket ? "?host=" + parts.host : "");
  out.parameters = {{"host", parts.host}, {"dbname", parts.name}};
  if (!parts.port.empty()) out.parameters.emplace_back("port", parts.port);
  if (!parts.user.empty()) out.parameters.emplace_back("user", parts.user);
  if (parts.password) out.parameters.emplace_back("password", *parts.password);
  for (const auto& [name, value] : parts.parameters) out.parameters.emplace_back(name, value);
  return out;
}

}  // namespace sallyport::services::postgres
