// The names of Python 2 that CPython 3 still honours in pickles of protocols 0 to 2.
//
// Pure functions, safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <utility>

namespace sallyport::formats::pickle {

// Module and name as Python 3 looks them up: ("__builtin__", "xrange") is ("builtins", "range").
std::pair<std::string, std::string> modern_name(std::string_view module, std::string_view name);

}  // namespace sallyport::formats::pickle
