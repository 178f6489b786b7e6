// Test vectors as text: one record a line, fields apart by blanks, "-" for an empty field, "#" opens a
// comment.
#pragma once

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/paths.h"

namespace sallyport::tests {

// `path` is relative to the source tree. An unreadable or empty file yields nothing, so callers assert on the
// count.
inline std::vector<std::vector<std::string>> read_vectors(const std::string& path) {
  std::vector<std::vector<std::string>> out;
  std::ifstream file(tests::source_dir() + "/" + path);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#') continue;
    std::istringstream fields(line);
    out.emplace_back();
    for (std::string field; fields >> field;) out.back().push_back(field == "-" ? "" : field);
  }
  return out;
}

inline std::string read_text(const std::string& path) {
  std::ifstream file(tests::source_dir() + "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace sallyport::tests
