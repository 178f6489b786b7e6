#include "services/postgres/postgres.h"

#include <poll.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "core/limits/postgres.h"
#include "core/text.h"
#include "formats/utf8.h"

namespace sallyport::services::postgres {
namespace {

// The types of pg_type.dat that we send and read.
constexpr Oid kBool = 16, kInt8 = 20, kInt2 = 21, kInt4 = 23, kText = 25, kFloat4 = 700, kFloat8 = 701;
constexpr int kServerVersionMin = 120'000;

std::int64_t now_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// libpq's messages have lines and tabs.
std::string one_line(const char* text) {
  std::string out;
  for (const char c : std::string_view(text == nullptr ? "" : text)) {
    const bool blank = c == '\n' || c == '\t' || c == ' ';
    if (!blank) out += c;
    if (blank && !out.empty() && !out.ends_with(' ')) out += ' ';
  }
  while (out.ends_with(' ')) out.pop_back();
  return formats::printable(out, 500);
}

// '?' outside of quotes becomes $1, $2, and so on.
std::string numbered(const std::string& sql) {
  std::string out;
  bool quoted = false;
  int count = 0;
  for (const char c : sql) {
    if (c == '\'') quoted = !quoted;
    if (c == '?' && !quoted) {
      out += "$" + std::to_string(++count);
    } else {
      out += c;
    }
  }
  return out;
}

Oid type_of(const Value& value) {
  if (std::holds_alternative<std::int64_t>(value)) return kInt8;
  if (std::holds_alternative<double>(value)) return kFloat8;
  return std::holds_alternative<std::string>(value) ? kText : 0;
}

Result<std::string> text_of(const Value& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* number = std::get_if<double>(&value)) {
    std::array<char, 64> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), *number).ptr;
    return std::string(digits.data(), end);
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return std::string();
  if (text->find('\0') != std::string::npos || !formats::is_utf8(*text)) {
    return invalid("a text has a NUL or is not UTF-8");
  }
  return *text;
}

template <class Number>
Result<Value> parsed(std::string_view text) {
  const auto out = parsed_number<Number>(text);
  if (!out) return invalid("database: it sent " + formats::printable(text, 40) + " for a number");
  return Value(*out);
}

Result<Value> value_of(Oid type, std::string_view text) {
  switch (type) {
    case kBool: return Value(std::int64_t{text == "t" ? 1 : 0});
    case kInt2:
    case kInt4:
    case kInt8: return parsed<std::int64_t>(text);
    case kFloat4:
    case kFloat8: return parsed<double>(text);
    default: return Value(std::string(text));
  }
}

// Nothing is wrong with what was asked: the connection, the server's resources, its time or its role.
bool passes_with_time(std::string_view state) {
  const std::string_view kind = state.substr(0, 2);
  return kind == "08" || kind == "57" || kind == "40" || state == "55P03" || state == "25006" ||
         (kind == "53" && state != "53100");
}

}  // namespace

std::unexpected<Error> Database::lost(const std::string& why) {
  connection_.reset();
  statements_.clear();
  return fail(ErrorKind::kIo, "database: " + why, std::string(kAskAgain));
}

std::unexpected<Error> Database::failure(const Answer& answer) {
  const char* state_text = pq_->error_field(answer.get(), Libpq::kSqlState);
  const std::string state = state_text == nullptr ? "" : state_text;
  const std::string why = one_line(pq_->error_field(answer.get(), Libpq::kPrimaryMessage));
  if (pq_->status(connection_.get()) != Libpq::kConnectionOk) {
    return lost(why.empty() ? one_line(pq_->error_message(connection_.get())) : why);
  }
  const std::string message = "database: " + why + (state.empty() ? "" : " (" + state + ")");
  if (passes_with_time(state)) return fail(ErrorKind::kIo, message, std::string(kAskAgain));
  if (state == "53100") return fail(ErrorKind::kIo, message + ": No space left on device");
  // A key that is longer than a page of an index holds.
  if (state.starts_with("54")) return fail(ErrorKind::kLimit, message);
  return fail(ErrorKind::kIo, message);
}

Result<Database> Database::connect(const Address& address) {
  const Libpq* pq = TRY(Libpq::load());
  std::vector<const char*> keywords;
  std::vector<const char*> values;
  const auto add = [&](const char* keyword, const char* value) {
    keywords.push_back(keyword);
    values.push_back(value);
  };
  for (const auto& [keyword, value] : address.parameters) add(keyword.c_str(), value.c_str());
  const std::string silence = std::to_string(limits::kDatabaseSilenceS * 1000);
  add("application_name", "sallyport");
  add("client_encoding", "UTF8");
  add("keepalives_idle", "10");
  add("keepalives_interval", "5");
  add("keepalives_count", "3");
  add("tcp_user_timeout", silence.c_str());
  add(nullptr, nullptr);
  std::unique_ptr<pg_conn, CloseConnection> connection(pq->connect(keywords.data(), values.data(), 0),
                                                       CloseConnection{pq});
  Database out(pq, std::move(connection));
  if (!out.connection_) return fail(ErrorKind::kIo, address.shown + ": no memory for a connection");
  if (pq->status(out.connection_.get()) != Libpq::kConnectionOk) {
    return fail(ErrorKind::kIo, address.shown + ": " + one_line(pq->error_message(out.connection_.get())),
                std::string(kAskAgain));
  }
  // Notices are for psql; by default they would go to our standard error.
  pq->set_notice_processor(
      out.connection_.get(), [](void*, const char*) {}, nullptr);
  if (pq->set_nonblocking(out.connection_.get(), 1) != 0) return out.lost("the connection cannot be used");
  if (auto settled = out.settle(); !settled) return within(address.shown, std::move(settled).error());
  return out;
}

Result<void> Database::settle() {
  if (pq_->server_version(connection_.get()) < kServerVersionMin) {
    return fail(ErrorKind::kUnsupported, "PostgreSQL before version 12");
  }
  const char* encoding = pq_->parameter_status(connection_.get(), "server_encoding");
  if (encoding == nullptr || std::string_view(encoding) != "UTF8") {
    return fail(ErrorKind::kUnsupported, "the database's encoding is not UTF8",
                "CREATE DATABASE ... ENCODING 'UTF8' TEMPLATE template0");
  }
  // An acknowledged write has reached the disk; where more than that is configured, it stays so.
  TRY(query(
      "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = "
      "'off'"));
  TRY(execute("SET standard_conforming_strings = on; SET TIME ZONE 'UTC'; SET statement_timeout = '" +
              std::to_string(limits::kDatabaseStatementS) + "s'; SET lock_timeout = '" +
              std::to_string(limits::kDatabaseLockS) + "s'; SET extra_float_digits = 1"));
  return {};
}

// Until a result can be taken without waiting, and all of the question has left.
Result<void> Database::wait(std::int64_t until_ms) {
  while (true) {
    const int unsent = pq_->flush(connection_.get());
    if (unsent < 0) return lost(one_line(pq_->error_message(connection_.get())));
    if (unsent == 0 && pq_->is_busy(connection_.get()) == 0) return {};
    pollfd watched{.fd = pq_->socket(connection_.get()), .events = POLLIN, .revents = 0};
    if (unsent > 0) watched.events = POLLIN | POLLOUT;
    const std::int64_t left_ms = until_ms - now_ms();
    const int ready = left_ms <= 0 ? 0 : ::poll(&watched, 1, static_cast<int>(left_ms));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      return lost("no answer within " + std::to_string(limits::kDatabaseAnswerS) + " s");
    }
    if ((watched.revents & ~POLLOUT) != 0 && pq_->consume_input(connection_.get()) == 0) {
      return lost(one_line(pq_->error_message(connection_.get())));
    }
  }
}

// The last result of what was sent, or the first that is an error.
Result<Database::Answer> Database::answer(bool was_sent) {
  if (!was_sent) return lost(one_line(pq_->error_message(connection_.get())));
  const std::int64_t until_ms = now_ms() + std::int64_t{1000} * limits::kDatabaseAnswerS;
  Answer kept(nullptr, ClearResult{pq_});
  bool failed = false;
  while (true) {
    TRY(wait(until_ms));
    Answer next(pq_->get_result(connection_.get()), ClearResult{pq_});
    if (!next) break;
    if (failed) continue;
    const int status = pq_->result_status(next.get());
    failed = status != Libpq::kCommandOk && status != Libpq::kTuplesOk && status != Libpq::kEmptyQuery;
    kept = std::move(next);
  }
  if (!kept) return lost("it sent no answer");
  if (failed) return failure(kept);
  return kept;
}

Result<std::string> Database::execute(const std::string& sql) {
  if (!alive()) return lost("the connection is closed");
  const Answer last = TRY(answer(pq_->send_query(connection_.get(), sql.c_str()) == 1));
  return std::string(pq_->command_tag(last.get()));
}

Result<std::string> Database::prepared(const std::string& sql, const std::vector<Oid>& types) {
  std::string key;
  for (const Oid type : types) key += std::to_string(type) + ",";
  key += sql;
  if (const auto found = statements_.find(key); found != statements_.end()) return found->second;
  if (statements_.size() == limits::kDatabaseStatementsKeptMax) {
    TRY(execute("DEALLOCATE ALL"));
    statements_.clear();
  }
  const std::string name = "s" + std::to_string(++names_given_);
  TRY(answer(pq_->send_prepare(connection_.get(), name.c_str(), numbered(sql).c_str(),
                               static_cast<int>(types.size()), types.data()) == 1));
  statements_.emplace(std::move(key), name);
  return name;
}

Result<std::vector<Row>> Database::query(const std::string& sql, std::span<const Value> parameters) {
  if (!alive()) return lost("the connection is closed");
  std::vector<std::string> texts;
  std::vector<Oid> types;
  for (const Value& value : parameters) {
    texts.push_back(TRY(text_of(value)));
    types.push_back(type_of(value));
  }
  std::vector<const char*> values;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const bool null = std::holds_alternative<std::monostate>(parameters[i]);
    values.push_back(null ? nullptr : texts[i].c_str());
  }
  const std::string name = TRY(prepared(sql, types));
  const Answer got =
      TRY(answer(pq_->send_prepared(connection_.get(), name.c_str(), static_cast<int>(values.size()),
                                    values.data(), nullptr, nullptr, 0) == 1));
  std::vector<Row> rows(static_cast<std::size_t>(pq_->rows(got.get())));
  const int columns = pq_->columns(got.get());
  for (std::size_t row = 0; row < rows.size(); ++row) {
    const int at = static_cast<int>(row);
    rows[row].reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      if (pq_->is_null(got.get(), at, column) != 0) {
        rows[row].emplace_back();
        continue;
      }
      const std::string_view text(pq_->value(got.get(), at, column),
                                  static_cast<std::size_t>(pq_->length(got.get(), at, column)));
      rows[row].push_back(TRY(value_of(pq_->column_type(got.get(), column), text)));
    }
  }
  return rows;
}

}  // namespace sallyport::services::postgres
