// SQLite behind one narrow header: open, execute, query. Durable by default (WAL, synchronous FULL).
//
// A Database is for one thread at a time. Values are bound, never pasted into SQL.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "core/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace sallyport::services::sqlite {

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
using Row = std::vector<Value>;

struct FinalizeStatement {
  void operator()(sqlite3_stmt* statement) const;
};

class Database {
 public:
  // Creates the file if need be. A file that is not a database, or is damaged, is an Error.
  static Result<Database> open(const std::filesystem::path& file);
  ~Database();
  Database(Database&&) noexcept;
  Database& operator=(Database&&) noexcept;

  // Any number of statements without parameters.
  Result<void> execute(const std::string& sql);
  // One statement with its parameters; returns its rows. What was compiled is kept for the next time.
  Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters = {});
  // The file's own structure, as SQLite judges it.
  Result<void> check_structure();

 private:
  explicit Database(sqlite3* handle);
  std::unexpected<Error> failure(const char* action) const;
  Result<sqlite3_stmt*> prepared(const std::string& sql);

  sqlite3* handle_ = nullptr;
  std::map<std::string, std::unique_ptr<sqlite3_stmt, FinalizeStatement>> statements_;
  std::string place_;
};

}  // namespace sallyport::services::sqlite
