// The tables of the tracking server, and the version that they are at.
//
// `PRAGMA user_version` holds the version; a newer one than ours is refused. For one thread.
#pragma once

#include "services/sqlite/sqlite.h"

namespace sallyport::services::tracking {

Result<void> apply_schema(sqlite::Database& database);

}  // namespace sallyport::services::tracking
