// Where the tracking server keeps what it is told: SQL, behind an interface that another database can fill.
//
// Statements are the common subset of SQLite and PostgreSQL with '?' for parameters. Reads see one consistent
// state. Writes are done by one thread, one after the other; all that wait together share one commit, and a
// write that returns has survived a power cut. A write that fails leaves nothing behind. Safe from any number
// of threads.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/env.h"
#include "services/sqlite/sqlite.h"

namespace sallyport::services::tracking {

using sqlite::Row;
using sqlite::Value;

class Session {
 public:
  virtual ~Session() = default;
  virtual Result<std::vector<Row>> query(const std::string& sql, std::span<const Value> parameters) = 0;

  Result<std::vector<Row>> query(const std::string& sql, std::initializer_list<Value> parameters = {}) {
    return query(sql, std::span(parameters.begin(), parameters.size()));
  }
  // The first row, when there is one.
  Result<std::optional<Row>> first(const std::string& sql, std::initializer_list<Value> parameters = {}) {
    std::vector<Row> rows = TRY(query(sql, parameters));
    if (rows.empty()) return std::optional<Row>();
    return std::optional<Row>(std::move(rows.front()));
  }
  Result<void> execute(const std::string& sql, std::initializer_list<Value> parameters = {}) {
    TRY(query(sql, parameters));
    return {};
  }
};

class Store {
 public:
  using Work = std::function<Result<void>(Session&)>;

  virtual ~Store() = default;
  virtual Result<void> read(const Work& work) = 0;
  virtual Result<void> write(const Work& work) = 0;
};

// The value of what `work` returns, once it is committed.
template <class F>
auto reading(Store& store, F work) -> decltype(work(std::declval<Session&>())) {
  std::optional<decltype(work(std::declval<Session&>()))> out;
  TRY(store.read([&](Session& session) -> Result<void> {
    out.emplace(work(session));
    return {};
  }));
  return std::move(*out);
}
template <class F>
auto writing(Store& store, F work) -> decltype(work(std::declval<Session&>())) {
  std::optional<decltype(work(std::declval<Session&>()))> out;
  TRY(store.write([&](Session& session) -> Result<void> {
    out.emplace(work(session));
    if (!*out) return std::unexpected(out->error());
    return {};
  }));
  return std::move(*out);
}

// A database file of its own, made when it is missing.
Result<std::unique_ptr<Store>> open_sqlite_store(const fs::path& file);

inline std::string text_at(const Row& row, std::size_t at) {
  const auto* text = std::get_if<std::string>(&row[at]);
  return text == nullptr ? "" : *text;
}
inline std::int64_t integer_at(const Row& row, std::size_t at) {
  const auto* integer = std::get_if<std::int64_t>(&row[at]);
  return integer == nullptr ? 0 : *integer;
}
inline double number_at(const Row& row, std::size_t at) {
  const auto* number = std::get_if<double>(&row[at]);
  return number == nullptr ? static_cast<double>(integer_at(row, at)) : *number;
}
inline bool is_null(const Row& row, std::size_t at) {
  return std::holds_alternative<std::monostate>(row[at]);
}

}  // namespace sallyport::services::tracking
