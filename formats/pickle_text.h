// The text opcodes' encodings: Python's string escapes, raw-unicode-escape, Latin-1 and UTF-8 with lone
// surrogates.
//
// Pure functions, safe from any thread.
#pragma once

#include <optional>
#include <string>

#include "formats/pickle_opcodes.h"

namespace sallyport::formats::pickle {

// The text of STRING, BINSTRING, UNICODE, BINUNICODE or one of their kin, in UTF-8. Nothing when a loader
// would refuse it: missing quotes, a broken escape. Bytes of Python 2 strings become the characters of
// Latin-1.
std::optional<std::string> decode_text(const Op& op);

// Whether decode_text would succeed and, for the UTF-8 opcodes, whether the bytes are UTF-8. Cheap for plain
// text.
bool text_is_sound(const Op& op);

}  // namespace sallyport::formats::pickle
