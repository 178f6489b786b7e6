// Small things that the readers of formats/infra share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace sallyport::formats::infra {

inline std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

inline std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

inline bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

inline std::string_view file_name(std::string_view path) { return path.substr(path.rfind('/') + 1); }

// A line with those that it is continued on by a backslash, and the number of its first.
struct Line {
  std::string text = {};
  std::size_t number = 0;
};
std::vector<Line> logical_lines(std::string_view text, std::size_t first);

// A command cut at blanks, with quotes taken off.
std::vector<std::string> words_of(std::string_view command);

}  // namespace sallyport::formats::infra
