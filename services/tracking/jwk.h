// The pieces of JOSE's encodings that tokens and key sets share.
//
// Pure functions; safe from any thread.
#pragma once

#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::services::tracking::jwt {

// RFC 4648 section 5 without padding; one spelling only, as from_base64.
Result<Bytes> from_base64url(std::string_view text);

}  // namespace sallyport::services::tracking::jwt
