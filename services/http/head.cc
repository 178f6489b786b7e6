#include "services/http/head.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "core/text.h"

namespace sallyport::services::http {
namespace {

bool is_token_character(char c) {
  const bool letter_or_digit = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  return letter_or_digit || std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

bool is_plain_field(std::string_view line) {
  const std::string_view name = line.substr(0, line.find(':'));
  if (name.empty() || name.size() == line.size() || !std::ranges::all_of(name, is_token_character))
    return false;
  std::string known = lowered(name);
  if (known.find('_') == std::string::npos) return true;
  std::ranges::replace(known, '_', '-');
  return known != "content-length" && known != "transfer-encoding";
}

}  // namespace

bool is_plain_head(std::string_view head) {
  bool first = true;
  while (true) {
    const std::size_t end = head.find("\r\n");
    if (end == std::string_view::npos) return false;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end + 2);
    if (line.empty()) return head.empty() && !first;
    const bool control =
        std::ranges::any_of(line, [](unsigned char c) { return (c < ' ' && c != '\t') || c == 0x7f; });
    if (control || (first ? line.find('\t') != std::string_view::npos : !is_plain_field(line))) return false;
    first = false;
  }
}

bool is_plain_framing(std::string_view length, std::size_t lengths, std::string_view coding,
                      std::size_t codings) {
  if (lengths + codings > 1) return false;
  const bool digits = std::ranges::all_of(length, [](char c) { return c >= '0' && c <= '9'; });
  return lengths == 1 ? digits && !length.empty() : codings == 0 || lowered(coding) == "chunked";
}

}  // namespace sallyport::services::http
