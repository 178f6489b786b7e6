// The keyed-hash split: whoever holds the key recomputes on which side a row belongs.
//
// A row's unit is its group where there is one, else its id, so that a group is never torn apart. The first
// 53 bits of HMAC-SHA-256(key, unit), read as a number in [0, 1), fall in the test split when they are below
// its share. A row's side does not depend on any other row, so rows that come later move nobody. Pure
// functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/dataset.h"
#include "core/guard.h"

namespace sallyport::learn {

std::vector<std::string> split_units(const Dataset& data);
bool falls_in_test(const SplitRule& rule, std::string_view unit);

}  // namespace sallyport::learn
