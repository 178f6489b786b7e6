// The tables of the tracking server, and the version that they are at.
//
// In SQLite `PRAGMA user_version` holds the version, in PostgreSQL the one row of sallyport.server; a newer
// one than ours is refused. For one thread.
#pragma once

#include <string>

#include "services/postgres/postgres.h"
#include "services/sqlite/sqlite.h"

namespace sallyport::services::tracking {

Result<void> apply_schema(sqlite::Database& database);

// To which server's folder the tables belong: its id, and whether they were ever made for it. Tables of
// another folder are refused, and so are missing ones that were there before: an empty database in place of a
// lost one would look like a server that nobody has used.
struct Belonging {
  std::string folder = {};
  bool made = false;
};
// The tables are in a schema of their own, `sallyport`, beside what else the database holds.
Result<void> apply_schema(postgres::Database& database, const Belonging& belonging);
// Changes nothing; the tables must be at our version and belong to the folder.
Result<void> check_schema(postgres::Database& database, const std::string& folder);

}  // namespace sallyport::services::tracking
