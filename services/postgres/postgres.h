// A connection to a PostgreSQL database behind one narrow header: connect, execute, query.
//
// Statements have '?' for parameters, which travel beside them and are never pasted in. Texts are UTF-8
// without NUL. Every wait ends: limits::kDatabase*. What the database is told is durable when COMMIT returns,
// whatever its own settings say. A Database is for one thread at a time.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "services/postgres/address.h"
#include "services/postgres/libpq.h"

namespace sallyport::services::postgres {

using Value = std::variant<std::monostate, std::int64_t, double, std::string>;
using Row = std::vector<Value>;

// The hint of an Error that says nothing about what was asked: the database cannot be reached, or has no
// time or no room for us now.
inline constexpr std::string_view kAskAgain = "ask again when the database can be reached";

struct CloseConnection {
  const Libpq* pq = nullptr;
  void operator()(pg_conn* connection) const { pq->finish(connection); }
};
struct ClearResult {
  const Libpq* pq = nullptr;
  void operator()(pg_result* result) const { pq->clear(result); }
};

class Database {
 public:
  static Result<Database> connect(const Address& address);

  // Any number of statements without parameters; what the last of them says of itself ("COMMIT").
  Result<std::string> execute(const std::string& sql);
  // One statement with its parameters; returns its rows. What was prepared is kept for the next time.
  Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters = {});
  bool alive() const { return connection_ != nullptr; }

 private:
  using Answer = std::unique_ptr<pg_result, ClearResult>;

  Database(const Libpq* pq, std::unique_ptr<pg_conn, CloseConnection> connection)
      : pq_(pq), connection_(std::move(connection)) {}
  Result<void> settle();
  std::unexpected<Error> lost(const std::string& why);
  std::unexpected<Error> failure(const Answer& answer);
  Result<void> wait(std::int64_t until_ms);
  Result<Answer> answer(bool was_sent);
  Result<std::string> prepared(const std::string& sql, const std::vector<Oid>& types);

  const Libpq* pq_;
  std::unique_ptr<pg_conn, CloseConnection> connection_;
  std::map<std::string, std::string> statements_;  // from types and SQL to names
  std::uint64_t names_given_ = 0;
};

}  // namespace sallyport::services::postgres
