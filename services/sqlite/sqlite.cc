#include "services/sqlite/sqlite.h"

#include <sqlite3.h>

#include <utility>

namespace sallyport::services::sqlite {
namespace {

constexpr int kBusyTimeoutMs = 5000;
constexpr std::size_t kStatementsKeptMax = 128;

// A statement that is kept holds no lock and no row once this is gone.
class Reset {
 public:
  explicit Reset(sqlite3_stmt* statement) : statement_(statement) {}
  ~Reset() {
    sqlite3_reset(statement_);
    sqlite3_clear_bindings(statement_);
  }
  Reset(const Reset&) = delete;
  Reset& operator=(const Reset&) = delete;

 private:
  sqlite3_stmt* statement_;
};

int bind(sqlite3_stmt* statement, int at, const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return sqlite3_bind_int64(statement, at, *integer);
  }
  if (const auto* number = std::get_if<double>(&value)) return sqlite3_bind_double(statement, at, *number);
  if (const auto* text = std::get_if<std::string>(&value)) {
    return sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  return sqlite3_bind_null(statement, at);
}

Value column(sqlite3_stmt* statement, int at) {
  switch (sqlite3_column_type(statement, at)) {
    case SQLITE_INTEGER: return static_cast<std::int64_t>(sqlite3_column_int64(statement, at));
    case SQLITE_FLOAT: return sqlite3_column_double(statement, at);
    case SQLITE_NULL: return std::monostate{};
    default: {
      const auto* text = static_cast<const char*>(sqlite3_column_blob(statement, at));
      return std::string(text == nullptr ? "" : text,
                         static_cast<std::size_t>(sqlite3_column_bytes(statement, at)));
    }
  }
}

}  // namespace

void FinalizeStatement::operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }

Database::Database(sqlite3* handle) : handle_(handle) {}
Database::~Database() {
  statements_.clear();
  sqlite3_close(handle_);
}
Database::Database(Database&& other) noexcept
    : handle_(std::exchange(other.handle_, nullptr)),
      statements_(std::move(other.statements_)),
      place_(std::move(other.place_)) {}
Database& Database::operator=(Database&& other) noexcept {
  std::swap(handle_, other.handle_);
  std::swap(statements_, other.statements_);
  std::swap(place_, other.place_);
  return *this;
}

std::unexpected<Error> Database::failure(const char* action) const {
  const int code = sqlite3_errcode(handle_);
  std::string hint;
  if (code == SQLITE_FULL) hint = "free some space and run the command again; nothing was changed";
  if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT) {
    hint = "the database is only a copy: delete it and run again";
  }
  const bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
  return fail(damaged ? ErrorKind::kInvalid : ErrorKind::kIo,
              place_ + ": cannot " + action + ": " + sqlite3_errmsg(handle_), hint);
}

Result<Database> Database::open(const std::filesystem::path& file) {
  sqlite3* handle = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOFOLLOW;
  const int code = sqlite3_open_v2(file.c_str(), &handle, flags, nullptr);
  Database database(handle);
  database.place_ = file.string();
  if (code != SQLITE_OK) return database.failure("open");
  sqlite3_busy_timeout(handle, kBusyTimeoutMs);
  // A file from elsewhere must not run code of its own: no triggers from views, no writable schema.
  sqlite3_db_config(handle, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  TRY(database.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"));
  return database;
}

Result<void> Database::execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) return failure("execute");
  return {};
}

Result<sqlite3_stmt*> Database::prepared(const std::string& sql) {
  if (const auto found = statements_.find(sql); found != statements_.end()) return found->second.get();
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &raw, nullptr) != SQLITE_OK) {
    return failure("prepare a query");
  }
  if (statements_.size() == kStatementsKeptMax) statements_.clear();
  return statements_.emplace(sql, raw).first->second.get();
}

Result<std::vector<Row>> Database::query(const std::string& sql, std::span<const Value> parameters) {
  sqlite3_stmt* raw = TRY(prepared(sql));
  const Reset when_done(raw);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (bind(raw, static_cast<int>(i) + 1, parameters[i]) != SQLITE_OK) return failure("bind a value");
  }
  std::vector<Row> rows;
  while (true) {
    const int code = sqlite3_step(raw);
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return failure("query");
    Row row;
    for (int at = 0; at < sqlite3_column_count(raw); ++at) row.push_back(column(raw, at));
    rows.push_back(std::move(row));
  }
}

Result<void> Database::check_structure() {
  const std::vector<Row> rows = TRY(query("PRAGMA integrity_check"));
  const auto* text =
      rows.size() == 1 && rows[0].size() == 1 ? std::get_if<std::string>(&rows[0][0]) : nullptr;
  if (text != nullptr && *text == "ok") return {};
  return invalid(place_ + ": the database is damaged" + (text == nullptr ? "" : ": " + *text),
                 "the database is only a copy: delete it and run again");
}

}  // namespace sallyport::services::sqlite
