#include "core/limits/tracking.h"
#include "services/tracking/schema.h"
#include "services/tracking/store_pool.h"

namespace sallyport::services::tracking {
namespace {

class SqliteConnection : public Connection {
 public:
  // LIKE minds the case, as MLflow's filters and every other database have it.
  static Result<std::unique_ptr<Connection>> open(const fs::path& file) {
    auto database = sqlite::Database::open(file);
    if (!database) {
      return fail(database.error().kind, database.error().message,
                  "restore the file from a backup of the folder");
    }
    TRY(database->execute("PRAGMA case_sensitive_like=ON; PRAGMA cache_size=-4096;"));
    return std::unique_ptr<Connection>(new SqliteConnection(std::move(*database)));
  }

  Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters) override {
    return database_.query(sql, parameters);
  }
  Result<void> begin(Mode mode) override {
    return database_.execute(mode == Mode::kRead ? "BEGIN" : "BEGIN IMMEDIATE");
  }
  Result<void> commit() override { return database_.execute("COMMIT"); }
  Result<void> rollback() override { return database_.execute("ROLLBACK"); }
  Result<void> begin_job() override { return database_.execute("SAVEPOINT job"); }
  Result<void> end_job(bool keep) override {
    if (!keep) TRY(database_.execute("ROLLBACK TO job"));
    return database_.execute("RELEASE job");
  }
  bool alive() const override { return true; }

 private:
  explicit SqliteConnection(sqlite::Database database) : database_(std::move(database)) {}

  sqlite::Database database_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const fs::path& file) {
  {
    sqlite::Database database = TRY(sqlite::Database::open(file));
    TRY(apply_schema(database));
  }
  return pooled_store(
      TRY(SqliteConnection::open(file)), [file](Connection::Mode) { return SqliteConnection::open(file); },
      limits::kCommitJobsMax);
}

Result<std::unique_ptr<Connection>> open_sqlite_reader(const fs::path& file) {
  {
    sqlite::Database database = TRY(sqlite::Database::open(file));
    TRY(database.check_structure());
  }
  return SqliteConnection::open(file);
}

}  // namespace sallyport::services::tracking
