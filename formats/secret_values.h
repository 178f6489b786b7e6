// Judgements of values that are not random text: passwords, hashes, base58; internal to formats/secrets*.cc.
#pragma once

#include <string_view>

namespace sallyport::formats {

// The part of a match that somebody thought up: in quotes, between tags, or behind the last separator.
std::string_view password_in(std::string_view match);
// Whether it is one, rather than code, a template or an example.
bool is_password(std::string_view value);
// Base58 whose last four bytes are the double SHA-256 of the rest (Bitcoin's base58check).
bool is_base58check(std::string_view text);

}  // namespace sallyport::formats
