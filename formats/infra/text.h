// Small things that the readers of formats/infra share.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"

namespace sallyport::formats::infra {

// A line with those that it is continued on by a backslash, and the number of its first.
struct Line {
  std::string text = {};
  std::size_t number = 0;
};
std::vector<Line> logical_lines(std::string_view text, std::size_t first);

// A command cut at blanks, with quotes taken off.
std::vector<std::string> words_of(std::string_view command);

}  // namespace sallyport::formats::infra
