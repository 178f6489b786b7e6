// What decides whether a match is a credential; internal to formats/secrets*.cc.
#pragma once

#include <string>
#include <string_view>

#include "formats/secrets.h"

namespace sallyport::formats {

// Judges the match by its rule's check and sets severity and confidence; false when it is none.
bool judge_secret(std::string_view text, Secret& secret);

// A token of random characters, and no placeholder.
bool is_random_token(std::string_view token);
// Whether runs of small letters make up so much of it that it reads as words.
bool reads_as_words(std::string_view text);

// Base64 or base64url, without regard to padding; stops at the first byte of neither.
std::string decode_base64_leniently(std::string_view text);
// Whether what it decodes to is printable.
bool decodes_to_text(std::string_view text);

}  // namespace sallyport::formats
