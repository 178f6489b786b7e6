// A Store over connections of any database: one that writes, and as many that read as are asked for at once.
//
// A connection that was lost is made anew for whoever comes next; what was under way on it is an Error, since
// nobody can tell how far it came. Work is never done twice. The Store is safe from any number of threads, a
// Connection is for one at a time.
#pragma once

#include <cstdint>

#include "services/tracking/store.h"

namespace sallyport::services::tracking {

class Connection : public Session {
 public:
  enum class Mode : std::uint8_t { kRead, kWrite };

  using Session::query;
  virtual Result<void> begin(Mode mode) = 0;
  virtual Result<void> commit() = 0;
  virtual Result<void> rollback() = 0;
  // A part of the transaction that is kept or taken back alone.
  virtual Result<void> begin_job() = 0;
  virtual Result<void> end_job(bool keep) = 0;
  // False once nothing more can be asked through it.
  virtual bool alive() const = 0;
};

using Connect = std::function<Result<std::unique_ptr<Connection>>(Connection::Mode)>;

// `jobs_max` writes share one commit at most.
std::unique_ptr<Store> pooled_store(std::unique_ptr<Connection> writer, Connect connect,
                                    std::size_t jobs_max);

// tracking.db for reading alone; a file that is damaged is an Error.
Result<std::unique_ptr<Connection>> open_sqlite_reader(const fs::path& file);

}  // namespace sallyport::services::tracking
