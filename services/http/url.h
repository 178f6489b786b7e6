// Percent-encoding and queries (RFC 3986), read once and strictly: what does not decode is refused, never
// guessed, and nothing is ever decoded twice.
//
// Pure functions; safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/result.h"

namespace sallyport::services::http {

// Refuses a '%' without two hexadecimal digits, a NUL, and what is not UTF-8. In a query '+' is a blank.
enum class Plus : bool { kPlus, kBlank };
Result<std::string> percent_decode(std::string_view text, Plus plus = Plus::kPlus);

// "a=1&b=2" in order, decoded; at most limits::kUrlParametersMax.
Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query);

// The path split at '/', each segment decoded: a '/' that was encoded stays within its segment.
Result<std::vector<std::string>> path_segments(std::string_view path);

}  // namespace sallyport::services::http
