#include "formats/authority.h"

#include <arpa/inet.h>

#include <algorithm>

#include "core/limits/sandbox.h"
#include "core/text.h"

namespace sallyport::formats {
namespace {

bool is_label_letter(char c) { return is_digit(c) || (c >= 'a' && c <= 'z') || c == '-' || c == '_'; }

bool is_name(std::string_view host) {
  std::size_t label = 0;
  for (std::size_t i = 0; i < host.size(); ++i) {
    if (host[i] == '.') {
      if (label == 0 || host[i - 1] == '-') return false;
      label = 0;
      continue;
    }
    if (!is_label_letter(host[i]) || (label == 0 && host[i] == '-') || ++label > 63) return false;
  }
  return label > 0 && host.back() != '-';
}

// "0x7f.1", "127.1" and "010.0.0.1" are addresses to some resolvers: a last label of digits alone, or that
// begins like a hexadecimal number, is an address in four plain parts or nothing.
bool is_number_like(std::string_view host) {
  const std::size_t dot = host.rfind('.');
  const std::string_view last = dot == std::string_view::npos ? host : host.substr(dot + 1);
  return last.starts_with("0x") || std::all_of(last.begin(), last.end(), is_digit);
}

bool is_address(int family, const std::string& host) {
  in6_addr room{};
  if (::inet_pton(family, host.c_str(), &room) != 1) return false;
  char plain[INET6_ADDRSTRLEN] = {};
  return ::inet_ntop(family, &room, plain, sizeof(plain)) != nullptr && host == plain;
}

bool is_token(std::string_view text) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](char c) {
    return is_digit(c) || is_letter(c) || kMarks.find(c) != std::string_view::npos;
  });
}

Result<void> check_field(std::string_view line, std::string_view target) {
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos || !is_token(line.substr(0, colon))) {
    return invalid("connect: a field without a name");
  }
  const std::string_view value = trimmed(line.substr(colon + 1), " \t");
  for (const char c : value) {
    if ((c < ' ' && c != '\t') || c == 0x7f) return invalid("connect: a control character in a field");
  }
  const std::string name = lowered(line.substr(0, colon));
  if (name == "host" && lowered(value) != lowered(target)) {
    return invalid("connect: the host field is not the target");
  }
  if (name == "transfer-encoding" || (name == "content-length" && value != "0")) {
    return invalid("connect: a request with a body");
  }
  return {};
}

}  // namespace

std::string text_of(const Authority& authority) {
  const bool six = authority.host.find(':') != std::string::npos;
  return (six ? "[" + authority.host + "]" : authority.host) + ":" + std::to_string(authority.port);
}

Result<Authority> parse_authority(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return invalid("destination: no port");
  const std::string_view digits = text.substr(colon + 1);
  const auto port = parsed_number<std::uint16_t>(digits);
  if (!port || digits.front() == '0') {
    return invalid("destination: its port is not in [1, 65535]");
  }
  std::string host = lowered(text.substr(0, colon));
  if (host.size() > limits::kEgressHostBytesMax) return invalid("destination: its host is too long");
  bool known = false;
  if (host.starts_with('[') && host.ends_with(']')) {
    host = host.substr(1, host.size() - 2);
    known = is_address(AF_INET6, host);
  } else {
    known = is_number_like(host) ? is_address(AF_INET, host) : is_name(host);
  }
  if (!known) return invalid("destination: its host is neither a name nor an address");
  return Authority{.host = std::move(host), .port = *port};
}

Result<Authority> parse_connect(std::string_view head) {
  constexpr std::string_view kVerb = "CONNECT ";
  if (head.size() > limits::kEgressRequestBytesMax) return invalid("connect: request too long");
  if (!head.ends_with("\r\n\r\n")) return invalid("connect: request without an end");
  head.remove_suffix(2);
  const std::size_t first_end = head.find("\r\n");
  std::string_view line = head.substr(0, first_end);
  if (!line.starts_with(kVerb)) return invalid("connect: another method than CONNECT");
  line.remove_prefix(kVerb.size());
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return invalid("connect: request without a version");
  const std::string_view version = line.substr(blank + 1);
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return invalid("connect: another version than HTTP/1");
  const std::string_view target = line.substr(0, blank);
  Authority authority = TRY(parse_authority(target));
  for (std::string_view rest = head.substr(first_end + 2); !rest.empty();) {
    const std::size_t end = rest.find("\r\n");
    TRY(check_field(rest.substr(0, end), target));
    rest.remove_prefix(end + 2);
  }
  return authority;
}

}  // namespace sallyport::formats
