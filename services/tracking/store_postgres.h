// The tracking server's store in PostgreSQL, over a network that may fail.
//
// One session at a time writes: it holds an advisory lock of the database, and a second server on the same
// database is refused. Lost connections are made anew for whoever asks next; meanwhile requests are told so
// at once. The Store is safe from any number of threads.
#pragma once

#include "services/tracking/backing.h"
#include "services/tracking/schema.h"
#include "services/tracking/store_pool.h"

namespace sallyport::services::tracking {

Result<std::unique_ptr<Store>> open_postgres_store(const postgres::Address& address,
                                                   const Belonging& belonging, Backing::Tell tell);
// For reading alone, beside a server that may run.
Result<std::unique_ptr<Connection>> open_postgres_reader(const postgres::Address& address,
                                                         const std::string& folder);

}  // namespace sallyport::services::tracking
