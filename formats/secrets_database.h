// The patterns of all secret rules, as Hyperscan compiled them at build time.
//
// Compiling takes longer than most searches, and the compiler is most of the library: programs hold the
// result and the matcher alone. A library of another version than the build's refuses it.
#pragma once

#include <memory>

#include "core/bytes.h"
#include "core/result.h"

struct hs_database;

namespace sallyport::formats {

struct FreeSecretDatabase {
  void operator()(hs_database* database) const;
};
using SecretDatabase = std::unique_ptr<hs_database, FreeSecretDatabase>;

// Error when the processor lacks SSSE3, or for bytes that another library compiled.
Result<SecretDatabase> deserialize_secret_database(BytesView bytes);

}  // namespace sallyport::formats
