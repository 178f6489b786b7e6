#include "services/tracking/store_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "core/limits/tracking.h"

namespace sallyport::services::tracking {
namespace {

using Mode = Connection::Mode;

// A write that waits for its turn and then for the commit that it shares.
struct Job {
  const Store::Work* work = nullptr;
  Result<void> result = {};
  bool done = false;
};

class PooledStore : public Store {
 public:
  PooledStore(std::unique_ptr<Connection> writer, Connect connect, std::size_t jobs_max)
      : connect_(std::move(connect)),
        jobs_max_(jobs_max),
        writer_(std::move(writer)),
        thread_([this] { write_all(); }) {}
  ~PooledStore() override {
    {
      const std::scoped_lock lock(mutex_);
      stopped_ = true;
    }
    work_arrived_.notify_all();
    thread_.join();
  }
  PooledStore(const PooledStore&) = delete;
  PooledStore& operator=(const PooledStore&) = delete;

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
    std::unique_ptr<Connection> reader = take_reader();
    Result<void> result = begin(reader, Mode::kRead);
    if (result) {
      result = work(*reader);
      if (const auto ended = reader->commit(); result && !ended) result = ended;
    }
    // A connection that failed may hold half a transaction: the next reader gets a new one.
    if (!result) reader.reset();
    give_back(std::move(reader));
    return result;
  }

 private:
  // What was lost while nobody used it is made anew, once; there may be nothing yet.
  Result<void> begin(std::unique_ptr<Connection>& connection, Mode mode) {
    if (connection) {
      const Result<void> begun = connection->begin(mode);
      if (begun || connection->alive()) return begun;
      connection.reset();
    }
    connection = TRY(connect_(mode));
    return connection->begin(mode);
  }

  // Nothing stands for a connection that is still to be made.
  std::unique_ptr<Connection> take_reader() {
    std::unique_lock lock(readers_mutex_);
    reader_free_.wait(lock, [&] { return !readers_.empty() || readers_made_ < limits::kReadersMax; });
    if (readers_.empty()) {
      ++readers_made_;
      return nullptr;
    }
    auto reader = std::move(readers_.back());
    readers_.pop_back();
    return reader;
  }
  void give_back(std::unique_ptr<Connection> reader) {
    const std::scoped_lock lock(readers_mutex_);
    if (reader) {
      readers_.push_back(std::move(reader));
    } else {
      --readers_made_;
    }
    reader_free_.notify_one();
  }

  void write_all() {
    while (true) {
      std::vector<Job*> jobs;
      {
        std::unique_lock lock(mutex_);
        work_arrived_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
        if (waiting_.empty()) return;
        const std::size_t count = std::min(waiting_.size(), jobs_max_);
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

  // One transaction for all; each job is a part of it, so that one that fails takes nothing else along.
  void commit(const std::vector<Job*>& jobs) {
    Result<void> state = begin(writer_, Mode::kWrite);
    for (Job* job : jobs) {
      if (state) state = writer_->begin_job();
      if (!state) break;
      job->result = (*job->work)(*writer_);
      state = writer_->end_job(job->result.has_value());
    }
    if (state) state = writer_->commit();
    if (state) return;
    if (writer_ && writer_->alive()) std::ignore = writer_->rollback();
    if (writer_ && !writer_->alive()) writer_.reset();
    for (Job* job : jobs) {
      if (job->result) job->result = state;
    }
  }

  Connect connect_;
  std::size_t jobs_max_;
  std::unique_ptr<Connection> writer_;  // the thread's own
  std::mutex mutex_;
  std::condition_variable work_arrived_;
  std::condition_variable work_done_;
  std::deque<Job*> waiting_;
  bool stopped_ = false;
  std::mutex readers_mutex_;
  std::condition_variable reader_free_;
  std::vector<std::unique_ptr<Connection>> readers_;
  std::size_t readers_made_ = 0;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Store> pooled_store(std::unique_ptr<Connection> writer, Connect connect,
                                    std::size_t jobs_max) {
  return std::make_unique<PooledStore>(std::move(writer), std::move(connect), jobs_max);
}

}  // namespace sallyport::services::tracking
