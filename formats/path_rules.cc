#include "formats/path_rules.h"

#include <algorithm>
#include <cctype>

#include "core/limits.h"
#include "formats/utf8.h"

namespace sallyport::formats {
namespace {

// With the separators of Windows as '/', and what a lenient loader would decode decoded.
std::string unfolded(std::string_view path) {
  constexpr std::string_view kHex = "0123456789abcdef";
  const auto digit = [&](char c) {
    return kHex.find(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  };
  std::string out;
  for (std::size_t i = 0; i < path.size(); ++i) {
    char c = path[i];
    if (c == '%' && i + 2 < path.size() && digit(path[i + 1]) < 16 && digit(path[i + 2]) < 16) {
      c = static_cast<char>(digit(path[i + 1]) * 16 + digit(path[i + 2]));
      i += 2;
    }
    out.push_back(c == '\\' ? '/' : c);
  }
  return out;
}

bool has_part(std::string_view path, std::string_view wanted) {
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('/', begin), path.size());
    if (path.substr(begin, end - begin) == wanted) return true;
    begin = end + 1;
  }
  return false;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

std::string path_problem(std::string_view path) {
  if (path.empty()) return "is empty";
  if (path.size() > limits::kPathBytesMax) return "is longer than a path can be";
  if (!is_utf8(path) || std::ranges::any_of(path, is_control)) return "has bytes that no honest name has";
  const std::string plain = unfolded(path);
  if (plain.find("://") != std::string::npos) return "is an address, not a file";
  if (plain.front() == '/') return "is absolute";
  if (plain.size() > 1 && plain[1] == ':') return "names a drive";
  if (plain.front() == '~') return "names a home folder";
  if (has_part(plain, "..")) return "climbs out of its folder with '..'";
  if (plain.find_first_of("*?|<>") != std::string::npos) return "has letters that no honest name has";
  if (path.find('\\') != std::string_view::npos) return "has a backslash, which systems read differently";
  if (plain != path) return "is percent-encoded, which loaders read differently";
  if (std::ranges::any_of(plain, is_control)) return "has bytes that no honest name has";
  return "";
}

}  // namespace sallyport::formats
