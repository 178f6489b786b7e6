#include "formats/secrets_database.h"

#include <hs/hs.h>

namespace sallyport::formats {
void FreeSecretDatabase::operator()(hs_database* database) const { hs_free_database(database); }

Result<SecretDatabase> deserialize_secret_database(BytesView bytes) {
  if (!__builtin_cpu_supports("ssse3")) {
    return fail(ErrorKind::kUnsupported, "secrets: this processor lacks SSSE3");
  }
  hs_database_t* database = nullptr;
  const hs_error_t status =
      hs_deserialize_database(reinterpret_cast<const char*>(bytes.data()), bytes.size(), &database);
  if (status != HS_SUCCESS) {
    return fail(ErrorKind::kUnsupported,
                "secrets: patterns for another library, code " + std::to_string(status));
  }
  return SecretDatabase(database);
}

}  // namespace sallyport::formats
