// All secret patterns matched in one pass; the one place that includes Hyperscan.
//
// The database is compiled once, on first use. Safe from any thread.
#pragma once

#include <functional>
#include <string_view>

#include "core/result.h"

namespace sallyport::formats {

// Calls `on_match` with a rule's index in secret_rules() and the match's begin and end, in the order of the
// ends.
Result<void> match_secret_patterns(
    std::string_view text, const std::function<void(std::size_t, std::size_t, std::size_t)>& on_match);

}  // namespace sallyport::formats
