// A table of a database that only mirrors signed statements: derived from the ledger, never believed.
//
// `expected` is what the ledger says; sync() makes the table equal to it, check() says where it is not. So an
// edit of the database changes nothing that anyone decides by, and it shows.
#pragma once

#include <string>
#include <vector>

#include "services/sqlite/sqlite.h"

namespace sallyport::services::sqlite {

struct MirrorTable {
  std::string name;
  std::vector<std::string> columns;  // with their types: "value REAL NOT NULL"
  std::vector<Row> expected;         // in any order
};

// Creates the table if need be and replaces its rows, in one transaction.
Result<void> sync(Database& database, const MirrorTable& table);
// ErrorKind::kDenied names the first row that is missing, added or changed.
Result<void> check(Database& database, const MirrorTable& table);

}  // namespace sallyport::services::sqlite
