// UTF-8 (RFC 3629), checked strictly: no overlong forms, no surrogates, nothing above U+10FFFF.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace sallyport::formats {

// The offset of the first byte that is not part of a well-formed character, or npos when all are.
std::size_t utf8_error_offset(std::string_view text);
inline bool is_utf8(std::string_view text) { return utf8_error_offset(text) == std::string_view::npos; }

// Appends one code point. Surrogates and values above U+10FFFF become U+FFFD.
void append_utf8(std::string& out, std::uint32_t code_point);

// `text` on one line of a terminal: control characters and ill-formed bytes as \n, \t or \xNN, cut after
// `bytes_max` with an ellipsis. What an attacker wrote must not move the cursor of whoever reads the finding.
std::string printable(std::string_view text, std::size_t bytes_max = 200);

}  // namespace sallyport::formats
