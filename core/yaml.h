// YAML as configuration: read once into Json, strictly.
//
// yaml-cpp parses; aliases, anchors, tags, duplicate keys, several documents and deep nesting are refused,
// since a configuration needs none of them and an attacker does. Scalars become null, booleans, numbers or
// text by YAML 1.2's core schema. `line_of` finds the line on which a member stands, for messages.
#pragma once

#include <string>
#include <string_view>

#include "core/json.h"

namespace sallyport {

// `place` names the text in messages: a path.
Result<Json> parse_yaml(std::string_view text, const std::string& place);

}  // namespace sallyport
