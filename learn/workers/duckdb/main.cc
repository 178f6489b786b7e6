// sallyport-duckdb: what is in a table, column by column, computed by DuckDB inside the sandbox.
//
//   sallyport-duckdb profile   in: clean     out: analysis/profile.json
//   sallyport-duckdb table     in: parquet   out: table.csv
//
// DuckDB reads the one file that it is given; the rest of the file system, extensions and its own settings
// are locked before the first query. Exit 0 done, 2 an Error on stderr, 64 usage.
#include <duckdb.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "core/limits.h"
#include "learn/step_task.h"

namespace sallyport::learn::workers {
namespace {

constexpr int kExitError = 2;
constexpr int kExitUsage = 64;

using Cells = std::vector<std::vector<std::string>>;

std::string quoted(const std::string& text, char quote) {
  std::string out(1, quote);
  for (const char c : text) out += c == quote ? std::string(2, c) : std::string(1, c);
  return out + quote;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

class Database {
 public:
  static Result<std::unique_ptr<Database>> open(const std::vector<std::string>& files) {
    std::string allowed;
    for (const std::string& file : files) allowed += (allowed.empty() ? "" : ", ") + quoted(file, '\'');
    std::unique_ptr<Database> database(new Database);
    if (duckdb_open(nullptr, &database->handle_) != DuckDBSuccess ||
        duckdb_connect(database->handle_, &database->connection_) != DuckDBSuccess) {
      return fail(ErrorKind::kIo, "duckdb: cannot open an in-memory database");
    }
    if (const std::string bytes = variable("SALLYPORT_MEMORY"); !bytes.empty())
      TRY(database->query("SET memory_limit=" + quoted(bytes + "B", '\'')));
    // One thread, so that sums are taken in one order and the profile is the same on every host.
    for (const std::string& setting :
         {std::string("SET threads=1"), "SET allowed_paths=[" + allowed + "]",
          std::string("SET enable_external_access=false"),
          std::string("SET autoinstall_known_extensions=false"),
          std::string("SET autoload_known_extensions=false"), std::string("SET lock_configuration=true")}) {
      TRY(database->query(setting));
    }
    return database;
  }
  ~Database() {
    duckdb_disconnect(&connection_);
    duckdb_close(&handle_);
  }
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  // Every cell as text; NULL is empty.
  Result<Cells> query(const std::string& sql) {
    duckdb_result result;
    if (duckdb_query(connection_, sql.c_str(), &result) != DuckDBSuccess) {
      std::string message = duckdb_result_error(&result);
      duckdb_destroy_result(&result);
      return invalid("duckdb: " + message.substr(0, message.find('\n')));
    }
    Cells cells;
    for (idx_t row = 0; row < duckdb_row_count(&result); ++row) {
      std::vector<std::string> out;
      for (idx_t column = 0; column < duckdb_column_count(&result); ++column) {
        char* text = duckdb_value_varchar(&result, column, row);
        out.emplace_back(text == nullptr ? "" : text);
        duckdb_free(text);
      }
      cells.push_back(std::move(out));
    }
    duckdb_destroy_result(&result);
    return cells;
  }

 private:
  Database() = default;
  duckdb_database handle_ = nullptr;
  duckdb_connection connection_ = nullptr;
};

Json number_or_text(const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  return !text.empty() && *end == '\0' ? Json(value) : Json(text);
}

bool is_numeric(const std::string& type) { return type == "DOUBLE" || type == "BIGINT"; }

Result<Json> profile_column(Database& database, const std::string& name, const std::string& type) {
  const std::string column = quoted(name, '"');
  std::string sql = "SELECT count(*) - count(" + column + "), count(DISTINCT " + column + "), min(" + column +
                    "), max(" + column + ")";
  if (is_numeric(type)) sql += ", avg(" + column + "), stddev_samp(" + column + ")";
  const Cells cells = TRY(database.query(sql + " FROM data"));
  Json out{{"name", name},
           {"type", type},
           {"missing", std::stoll(cells[0][0])},
           {"distinct", std::stoll(cells[0][1])},
           {"minimum", number_or_text(cells[0][2])},
           {"maximum", number_or_text(cells[0][3])}};
  if (is_numeric(type)) {
    out["mean"] = number_or_text(cells[0][4]);
    out["deviation"] = number_or_text(cells[0][5]);
  }
  return out;
}

Result<Json> profile(Database& database, const std::string& file, const std::string& label) {
  TRY(database.query("CREATE TABLE data AS SELECT * FROM read_csv(" + quoted(file, '\'') +
                     ", header=true, sample_size=-1, strict_mode=true)"));
  Json columns = Json::array();
  bool has_label = false;
  for (const std::vector<std::string>& column : TRY(database.query("DESCRIBE data"))) {
    columns.push_back(TRY(profile_column(database, column[0], column[1])));
    has_label = has_label || column[0] == label;
  }
  Json out{{"engine", std::string("duckdb ") + duckdb_library_version()},
           {"rows", std::stoll(TRY(database.query("SELECT count(*) FROM data"))[0][0])},
           {"columns", columns}};
  if (!has_label) return out;
  const std::string column = quoted(label, '"');
  Json classes = Json::object();
  const std::string sql = "SELECT " + column + "::VARCHAR, count(*) FROM data GROUP BY 1 ORDER BY 1";
  for (const std::vector<std::string>& row : TRY(database.query(sql))) classes[row[0]] = std::stoll(row[1]);
  out["classes"] = classes;
  return out;
}

// Parquet as CSV, which is what tables travel as; NULL is an empty cell.
Result<void> convert(const StepTask& task) {
  const std::string from = (task.in() / "parquet").string();
  const std::string to = (task.out() / "table.csv").string();
  const auto database = TRY(Database::open({from, to}));
  TRY(database->query("COPY (SELECT * FROM read_parquet(" + quoted(from, '\'') + ")) TO " + quoted(to, '\'') +
                      " (FORMAT csv, HEADER true)"));
  return {};
}

Result<void> run(const std::string& command, const std::vector<std::string>& words) {
  const StepTask task = TRY(StepTask::from(variable("SALLYPORT_IN"), variable("SALLYPORT_OUT"),
                                           variable("SALLYPORT_STEP"), words, {}));
  if (command == "table") return convert(task);
  const std::string file = (task.in() / "clean").string();
  const auto database = TRY(Database::open({file}));
  const Json report = TRY(profile(*database, file, task.label()));
  return task.write(system_env(), "analysis/profile.json", as_bytes(pretty(report)));
}

}  // namespace
}  // namespace sallyport::learn::workers

int main(int argc, char** argv) {
  using namespace sallyport;
  std::vector<std::string> words(argv + 1, argv + argc);
  if (words.empty() || (words.front() != "profile" && words.front() != "table")) {
    std::fprintf(stderr, "usage: sallyport-duckdb profile|table [--label NAME]\n");
    return learn::workers::kExitUsage;
  }
  const std::string command = words.front();
  words.erase(words.begin());
  const auto done = learn::workers::run(command, words);
  if (done) return 0;
  std::fprintf(stderr, "sallyport-duckdb: %s\n", done.error().message.c_str());
  return learn::workers::kExitError;
}
