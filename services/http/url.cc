#include "services/http/url.h"

#include "core/limits/http.h"
#include "formats/utf8.h"

namespace sallyport::services::http {
namespace {

int nibble(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, Plus plus) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '+' && plus == Plus::kBlank) {
      out += ' ';
    } else if (text[at] != '%') {
      out += text[at];
    } else {
      const int high = at + 2 < text.size() ? nibble(text[at + 1]) : -1;
      const int low = at + 2 < text.size() ? nibble(text[at + 2]) : -1;
      if (high < 0 || low < 0) return invalid("url: '%' without two hexadecimal digits");
      out += static_cast<char>(high * 16 + low);
      at += 2;
    }
  }
  if (out.find('\0') != std::string::npos) return invalid("url: a NUL byte");
  if (formats::utf8_error_offset(out) != std::string_view::npos) return invalid("url: not UTF-8");
  return out;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view one = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (one.empty()) continue;
    if (out.size() == limits::kUrlParametersMax) {
      return fail(ErrorKind::kLimit, "url: more than " + std::to_string(limits::kUrlParametersMax) +
                                         " parameters (kUrlParametersMax)");
    }
    const std::size_t sign = one.find('=');
    std::string name = TRY(percent_decode(one.substr(0, sign), Plus::kBlank));
    std::string value;
    if (sign != std::string_view::npos) value = TRY(percent_decode(one.substr(sign + 1), Plus::kBlank));
    out.emplace_back(std::move(name), std::move(value));
  }
  return out;
}

Result<std::vector<std::string>> path_segments(std::string_view path) {
  if (!path.starts_with('/')) return invalid("url: a path begins with '/'");
  std::vector<std::string> out;
  while (!path.empty()) {
    path.remove_prefix(1);
    const std::size_t end = path.find('/');
    out.push_back(TRY(percent_decode(path.substr(0, end))));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return out;
}

}  // namespace sallyport::services::http
