// UBJSON (draft 12), as XGBoost writes its models: one value, read whole into the type of JSON.
//
// Strict as parse_json: no member twice, UTF-8 alone, nothing behind the value; nesting up to
// limits::kJsonDepthMax without recursion, limits::kUbjsonItemsMax values, and nothing is allocated by a
// count that the bytes do not hold. High-precision numbers stay text. Pure functions, safe from any thread.
#pragma once

#include "core/bytes.h"
#include "core/json.h"

namespace sallyport::formats {

// Whether the bytes begin as an object of UBJSON does: a brace, then the length of a key.
bool looks_like_ubjson(BytesView bytes);
Result<Json> parse_ubjson(BytesView bytes);

}  // namespace sallyport::formats
