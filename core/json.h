// JSON (RFC 8259), read strictly and written in one spelling.
//
// nlohmann::json holds the values; its object is a sorted map, so dump() is deterministic. What hostile text
// could exploit is refused while parsing: a duplicate key, depth beyond limits::kJsonDepthMax, invalid UTF-8,
// a number that does not fit, bytes after the value.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/result.h"

namespace sallyport {

using Json = nlohmann::json;

Result<Json> parse_json(std::string_view text);

// Sorted keys, no blanks: the bytes that are signed and hashed.
std::string canonical(const Json& value);
// The same for people: two blanks of indentation and a final newline.
std::string pretty(const Json& value);

// Members of an object by name and type; the error names the member and what was found instead.
Result<std::string> get_string(const Json& object, std::string_view name);
Result<std::int64_t> get_int(const Json& object, std::string_view name);
Result<double> get_number(const Json& object, std::string_view name);
Result<bool> get_bool(const Json& object, std::string_view name);
Result<Json> get_array(const Json& object, std::string_view name);
Result<Json> get_object(const Json& object, std::string_view name);

// Refuses members that are not in `allowed`: a closed schema has no room for smuggled keys.
Result<void> only_members(const Json& object, std::initializer_list<std::string_view> allowed);

}  // namespace sallyport
