#include "services/sqlite/mirror.h"

#include <algorithm>

#include "core/dataset.h"

namespace sallyport::services::sqlite {
namespace {

std::string column_name(const std::string& declaration) {
  return declaration.substr(0, declaration.find(' '));
}

std::string column_list(const MirrorTable& table, bool with_types) {
  std::string out;
  for (const std::string& column : table.columns) {
    out += (out.empty() ? "" : ", ") + (with_types ? column : column_name(column));
  }
  return out;
}

std::string text_of(const Row& row) {
  std::string out;
  for (const Value& value : row) {
    out += out.empty() ? "" : " | ";
    if (const auto* integer = std::get_if<std::int64_t>(&value)) out += std::to_string(*integer);
    if (const auto* number = std::get_if<double>(&value)) out += number_text(*number);
    if (const auto* text = std::get_if<std::string>(&value)) out += *text;
  }
  return out;
}

Result<void> replace_rows(Database& database, const MirrorTable& table) {
  TRY(database.execute("DELETE FROM " + table.name));
  std::string marks;
  for (std::size_t i = 0; i < table.columns.size(); ++i) marks += i == 0 ? "?" : ",?";
  const std::string insert =
      "INSERT INTO " + table.name + " (" + column_list(table, false) + ") VALUES (" + marks + ")";
  for (const Row& row : table.expected) TRY(database.query(insert, row));
  return {};
}

}  // namespace

Result<void> sync(Database& database, const MirrorTable& table) {
  TRY(database.execute("BEGIN IMMEDIATE; CREATE TABLE IF NOT EXISTS " + table.name + " (" +
                       column_list(table, true) + ") STRICT"));
  if (auto replaced = replace_rows(database, table); !replaced) {
    std::ignore = database.execute("ROLLBACK");
    return replaced;
  }
  return database.execute("COMMIT");
}

Result<void> check(Database& database, const MirrorTable& table) {
  std::vector<Row> found = TRY(database.query("SELECT " + column_list(table, false) + " FROM " + table.name));
  std::vector<Row> expected = table.expected;
  std::sort(found.begin(), found.end());
  std::sort(expected.begin(), expected.end());
  const auto [mine, theirs] = std::mismatch(expected.begin(), expected.end(), found.begin(), found.end());
  if (mine == expected.end() && theirs == found.end()) return {};
  const bool extra = mine == expected.end() || (theirs != found.end() && *theirs < *mine);
  return fail(
      ErrorKind::kDenied,
      "table " + table.name + ": " +
          (extra ? "row that no signed statement backs: " + text_of(*theirs)
                 : "row of a signed statement is missing or changed: " + text_of(*mine)),
      "the database is only a copy of the log: somebody edited it; find out who, then run `sallyport run`");
}

}  // namespace sallyport::services::sqlite
