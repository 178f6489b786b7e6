#include "services/tracking/store_postgres.h"

#include <chrono>
#include <mutex>
#include <thread>

#include "core/limits/postgres.h"
#include "services/tracking/wire.h"

namespace sallyport::services::tracking {
namespace {

using Clock = std::chrono::steady_clock;
using Mode = Connection::Mode;

// "sallyport" as a number: the advisory lock of the one who writes.
constexpr const char* kTakeWriterLock = "SELECT 1 WHERE pg_try_advisory_lock(8313478317826732660)";
constexpr auto kTellAgainAfter = std::chrono::seconds(5);

std::unexpected<Error> unavailable() {
  return fail(ErrorKind::kIo, "the tracking database cannot be reached now", std::string(kUnavailable));
}

// Whether the database can be reached, as all connections found it. Safe from any thread.
class Reach {
 public:
  explicit Reach(Backing::Tell tell) : tell_(std::move(tell)) {}

  // Whether the last try to connect failed a moment ago.
  bool is_down() {
    const std::scoped_lock lock(mutex_);
    return down_ && Clock::now() < tried_ + std::chrono::milliseconds(limits::kDatabaseAskAgainMs);
  }
  void failed_to_connect(const std::string& why) {
    {
      const std::scoped_lock lock(mutex_);
      down_ = true;
      tried_ = Clock::now();
    }
    trouble(why);
  }
  void connected() {
    {
      const std::scoped_lock lock(mutex_);
      if (!down_) return;
      down_ = false;
      told_ = {};
    }
    tell_("the database is reached again");
  }
  // Told to the operator, who may see names and addresses; not as often as it happens.
  void trouble(const std::string& why) {
    {
      const std::scoped_lock lock(mutex_);
      if (told_ && Clock::now() < *told_ + kTellAgainAfter) return;
      told_ = Clock::now();
    }
    tell_(why);
  }

 private:
  std::mutex mutex_;
  bool down_ = false;
  Clock::time_point tried_ = {};
  std::optional<Clock::time_point> told_ = {};
  Backing::Tell tell_;
};

class PostgresConnection : public Connection {
 public:
  PostgresConnection(postgres::Database database, std::shared_ptr<Reach> reach)
      : database_(std::move(database)), reach_(std::move(reach)) {}

  Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters) override {
    return told(database_.query(sql, parameters));
  }
  // A savepoint is set with the transaction, and taken again when a job has used it: each is one question
  // less on the way.
  Result<void> begin(Mode mode) override {
    writes_ = mode == Mode::kWrite;
    fresh_ = true;
    return execute(writes_ ? "BEGIN; SAVEPOINT job" : "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }
  // A transaction in which something failed answers COMMIT with ROLLBACK, and not with an error.
  Result<void> commit() override {
    const std::string done = TRY(told(database_.execute("COMMIT")));
    if (writes_ && done != "COMMIT") return fail(ErrorKind::kIo, "database: nothing was committed");
    return {};
  }
  Result<void> rollback() override { return execute("ROLLBACK"); }
  Result<void> begin_job() override {
    if (!fresh_) TRY(execute("RELEASE SAVEPOINT job; SAVEPOINT job"));
    fresh_ = false;
    return {};
  }
  Result<void> end_job(bool keep) override {
    if (keep) return {};
    fresh_ = true;
    return execute("ROLLBACK TO SAVEPOINT job");
  }
  bool alive() const override { return database_.alive(); }

 private:
  Result<void> execute(const char* sql) {
    TRY(told(database_.execute(sql)));
    return {};
  }
  // Clients hear that it cannot be reached; why is for the operator.
  template <class T>
  Result<T> told(Result<T> made) {
    if (made || made.error().hint != postgres::kAskAgain) return made;
    reach_->trouble(made.error().message);
    return unavailable();
  }

  postgres::Database database_;
  std::shared_ptr<Reach> reach_;
  bool writes_ = false;
  bool fresh_ = true;
};

// A server that was killed a moment ago may not have been noticed yet.
Result<void> become_writer(postgres::Database& database) {
  const auto until = Clock::now() + std::chrono::seconds(limits::kDatabaseWriterWaitS);
  while (TRY(database.query(kTakeWriterLock)).empty()) {
    if (Clock::now() > until) {
      return fail(ErrorKind::kDenied, "store: another server writes to this database",
                  "stop it, or take another database");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return {};
}

// What a name stands for is never looked up in a schema that others may write to.
Result<postgres::Database> connect(const postgres::Address& address, Mode mode) {
  postgres::Database database = TRY(postgres::Database::connect(address));
  TRY(database.execute("SET search_path = sallyport"));
  if (mode == Mode::kRead) {
    TRY(database.execute("SET default_transaction_read_only = on"));
  } else {
    TRY(become_writer(database));
  }
  return database;
}

// What answers at the address may be another database than before, restored or failed over to.
Result<postgres::Database> connect_to_the_same(const postgres::Address& address, const std::string& folder,
                                               Mode mode) {
  postgres::Database database = TRY(connect(address, mode));
  TRY(check_schema(database, folder));
  return database;
}

Result<std::unique_ptr<Connection>> connect_again(const postgres::Address& address, const std::string& folder,
                                                  Mode mode, const std::shared_ptr<Reach>& reach) {
  if (reach->is_down()) return unavailable();
  auto database = connect_to_the_same(address, folder, mode);
  if (!database) {
    reach->failed_to_connect(database.error().message);
    return unavailable();
  }
  reach->connected();
  return std::unique_ptr<Connection>(std::make_unique<PostgresConnection>(std::move(*database), reach));
}

Result<void> tell_of_settings(postgres::Database& database, const Backing::Tell& tell) {
  const auto rows = TRY(database.query("SELECT current_setting('fsync')"));
  if (rows.at(0).at(0) != Value(std::string("on"))) {
    tell("the database runs with fsync off: a power cut may take what it acknowledged");
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Store>> open_postgres_store(const postgres::Address& address,
                                                   const Belonging& belonging, Backing::Tell tell) {
  postgres::Database database = TRY(connect(address, Mode::kWrite));
  if (auto applied = apply_schema(database, belonging); !applied) {
    return within(address.shown, std::move(applied).error());
  }
  TRY(tell_of_settings(database, tell));
  auto reach = std::make_shared<Reach>(std::move(tell));
  auto writer = std::make_unique<PostgresConnection>(std::move(database), reach);
  return pooled_store(
      std::move(writer),
      [address, folder = belonging.folder, reach](Mode mode) {
        return connect_again(address, folder, mode, reach);
      },
      limits::kDatabaseCommitJobsMax);
}

Result<std::unique_ptr<Connection>> open_postgres_reader(const postgres::Address& address,
                                                         const std::string& folder) {
  postgres::Database database = TRY(connect(address, Mode::kRead));
  if (auto checked = check_schema(database, folder); !checked) {
    return within(address.shown, std::move(checked).error());
  }
  return std::unique_ptr<Connection>(
      std::make_unique<PostgresConnection>(std::move(database), std::make_shared<Reach>([](const auto&) {})));
}

}  // namespace sallyport::services::tracking
