#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/limits/tracking.h"
#include "services/tracking/schema.h"
#include "services/tracking/store.h"

namespace sallyport::services::tracking {
namespace {

// LIKE minds the case, as MLflow's filters and every other database have it.
Result<sqlite::Database> open_database(const fs::path& file) {
  auto database = sqlite::Database::open(file);
  if (!database) {
    return fail(database.error().kind, database.error().message,
                "restore the file from a backup of the folder");
  }
  TRY(database->execute("PRAGMA case_sensitive_like=ON; PRAGMA cache_size=-4096;"));
  return database;
}

class SqliteSession : public Session {
 public:
  explicit SqliteSession(sqlite::Database& database) : database_(database) {}
  Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters) override {
    return database_.query(sql, parameters);
  }

 private:
  sqlite::Database& database_;
};

// A write that waits for its turn and then for the commit that it shares.
struct Job {
  const Store::Work* work = nullptr;
  Result<void> result = {};
  bool done = false;
};

class SqliteStore : public Store {
 public:
  SqliteStore(fs::path file, sqlite::Database writer)
      : file_(std::move(file)), writer_(std::move(writer)), thread_([this] { write_all(); }) {}
  ~SqliteStore() override {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    work_arrived_.notify_all();
    thread_.join();
  }
  SqliteStore(const SqliteStore&) = delete;
  SqliteStore& operator=(const SqliteStore&) = delete;

  Result<void> write(const Work& work) override {
    Job job{.work = &work};
    std::unique_lock lock(mutex_);
    if (stopped_) return fail(ErrorKind::kIo, "store: it is closing");
    waiting_.push_back(&job);
    work_arrived_.notify_one();
    work_done_.wait(lock, [&] { return job.done; });
    return job.result;
  }

  Result<void> read(const Work& work) override {
    std::unique_ptr<sqlite::Database> reader = TRY(take_reader());
    SqliteSession session(*reader);
    Result<void> result = reader->execute("BEGIN");
    if (result) {
      result = work(session);
      if (const auto ended = reader->execute("COMMIT"); result && !ended) result = ended;
    }
    const std::scoped_lock lock(readers_mutex_);
    // A connection that failed may hold half a transaction: the next reader gets a new one.
    if (result) {
      readers_.push_back(std::move(reader));
    } else {
      --readers_made_;
    }
    reader_free_.notify_one();
    return result;
  }

 private:
  Result<std::unique_ptr<sqlite::Database>> take_reader() {
    std::unique_lock lock(readers_mutex_);
    reader_free_.wait(lock, [&] { return !readers_.empty() || readers_made_ < limits::kReadersMax; });
    if (!readers_.empty()) {
      auto reader = std::move(readers_.back());
      readers_.pop_back();
      return reader;
    }
    ++readers_made_;
    lock.unlock();
    auto opened = open_database(file_);
    if (!opened) {
      const std::scoped_lock again(readers_mutex_);
      --readers_made_;
      reader_free_.notify_one();
      return std::unexpected(opened.error());
    }
    return std::make_unique<sqlite::Database>(std::move(*opened));
  }

  void write_all() {
    while (true) {
      std::vector<Job*> jobs;
      {
        std::unique_lock lock(mutex_);
        work_arrived_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const std::size_t count = std::min(waiting_.size(), limits::kCommitJobsMax);
        jobs.assign(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
        waiting_.erase(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(count));
      }
      commit(jobs);
      {
        const std::scoped_lock lock(mutex_);
        for (Job* job : jobs) job->done = true;
      }
      work_done_.notify_all();
    }
  }

  // One transaction for all; each job is a savepoint in it, so that one that fails takes nothing else along.
  void commit(const std::vector<Job*>& jobs) {
    Result<void> state = writer_.execute("BEGIN IMMEDIATE");
    SqliteSession session(writer_);
    for (Job* job : jobs) {
      if (state) state = writer_.execute("SAVEPOINT job");
      if (!state) break;
      job->result = (*job->work)(session);
      if (!job->result) state = writer_.execute("ROLLBACK TO job");
      if (state) state = writer_.execute("RELEASE job");
    }
    if (state) state = writer_.execute("COMMIT");
    if (state) return;
    std::ignore = writer_.execute("ROLLBACK");
    for (Job* job : jobs) {
      if (job->result) job->result = state;
    }
  }

  fs::path file_;
  sqlite::Database writer_;
  std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable work_done_;
  std::deque<Job*> waiting_;
  bool stopped_ = false;
  std::mutex readers_mutex_;
  std::condition_variable reader_free_;
  std::vector<std::unique_ptr<sqlite::Database>> readers_;
  std::size_t readers_made_ = 0;
  std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Store>> open_sqlite_store(const fs::path& file) {
  sqlite::Database writer = TRY(open_database(file));
  TRY(apply_schema(writer));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(file, std::move(writer)));
}

}  // namespace sallyport::services::tracking
