// A line that says why what it holds is allowed: "sallyport: allow, published test vector".
#pragma once

#include <algorithm>
#include <string_view>

namespace sallyport::formats {

// The reason; empty when there is none, or none of eight letters.
inline std::string_view allowed_reason(std::string_view line) {
  constexpr std::string_view kMark = "sallyport: allow,";
  constexpr std::ptrdiff_t kLettersMin = 8;
  const std::size_t mark = line.find(kMark);
  if (mark == std::string_view::npos) return {};
  std::string_view reason = line.substr(mark + kMark.size());
  reason.remove_prefix(std::min(reason.find_first_not_of(' '), reason.size()));
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return std::ranges::count_if(reason, is_letter) >= kLettersMin ? reason : std::string_view();
}

}  // namespace sallyport::formats
