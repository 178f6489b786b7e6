// What holds a server's tables: tracking.db in its folder, or a PostgreSQL database.
//
// A folder stays with what it began with. Where that is PostgreSQL, tracking.postgresql holds the id by which
// folder and database know each other, so that neither is ever paired with a stranger.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/env.h"
#include "services/postgres/address.h"
#include "services/tracking/store_pool.h"

namespace sallyport::services::tracking {

inline constexpr const char* kSqliteFile = "tracking.db";
inline constexpr const char* kPostgresMark = "tracking.postgresql";

struct Backing {
  using Tell = std::function<void(const std::string&)>;

  std::optional<postgres::Address> database = {};  // none: SQLite
  Tell tell = [](const std::string&) {};           // what an operator should know; from any thread
};

Result<std::unique_ptr<Store>> open_store(Env& env, const fs::path& root, const Backing& backing);
// For reading alone, its own structure checked as far as can be.
Result<std::unique_ptr<Connection>> open_reader(Env& env, const fs::path& root, const Backing& backing);

}  // namespace sallyport::services::tracking
