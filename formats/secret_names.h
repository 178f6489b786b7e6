// The value that is given to a name, whatever the language: an assignment, an argument, a header, an
// environment of a container; internal to formats/secrets*.cc.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "formats/secrets.h"

namespace sallyport::formats {

using CharacterSet = std::array<bool, 256>;

struct NamedValue {
  std::size_t begin = 0;
  std::size_t end = 0;
};

// `word_end` is where one of the rule's words ends. The name around it must say that it holds a secret, and
// what it is given must be a whole run of `value` characters, as long as the rule says.
std::optional<NamedValue> find_named_value(std::string_view text, const SecretRule& rule,
                                           const CharacterSet& value, std::size_t word_end);

}  // namespace sallyport::formats
