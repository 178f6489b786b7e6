// The patterns of all secret rules, compiled by Hyperscan, and their serial form.
//
// The build compiles the patterns once and embeds the result, since that takes longer than most searches; a
// library of another version than the build's refuses the serial form, and the patterns are compiled anew.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

struct hs_database;

namespace sallyport::formats {

struct FreeSecretDatabase {
  void operator()(hs_database* database) const;
};
using SecretDatabase = std::unique_ptr<hs_database, FreeSecretDatabase>;

struct SecretPattern {
  std::string_view id;     // for messages
  std::string_view match;  // in Hyperscan's grammar, or empty
  std::string_view words;  // otherwise these, in any case
};

// Error that names the pattern which is none, or when the processor lacks SSSE3.
Result<SecretDatabase> compile_secret_patterns(std::span<const SecretPattern> patterns);
Result<Bytes> serialize_secret_database(const SecretDatabase& database);
Result<SecretDatabase> deserialize_secret_database(BytesView bytes);

}  // namespace sallyport::formats
