// Compiles the patterns of all secret rules with Hyperscan, and gives them their serial form. Runs at build
// time alone.
#pragma once

#include <span>
#include <string_view>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::tools {

struct SecretPattern {
  std::string_view id;     // for messages
  std::string_view match;  // in Hyperscan's grammar, or empty
  std::string_view words;  // otherwise these, in any case
};

// Error that names the pattern which is none, or when the processor lacks SSSE3.
Result<Bytes> compile_secret_patterns(std::span<const SecretPattern> patterns);

}  // namespace sallyport::tools
