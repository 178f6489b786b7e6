// Whether a column is written text or a category. Pure, safe from any thread.
#pragma once

#include <set>
#include <string_view>

#include "core/dataset.h"

namespace sallyport::learn {

// Its distinct values are more than half as many as its rows: texts of their own, or identifiers. The values
// of a category repeat, so that rows which are alike in it are no copies and its values are no words.
inline bool is_free_text(const Column& column) {
  constexpr double distinct_min = 0.5;
  if (column.numeric) return false;
  const std::set<std::string_view> distinct(column.texts.begin(), column.texts.end());
  return static_cast<double>(distinct.size()) > distinct_min * static_cast<double>(column.texts.size());
}

}  // namespace sallyport::learn
