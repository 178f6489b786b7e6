#include "formats/json_rows.h"

#include <cmath>
#include <limits>
#include <string>
#include <unordered_map>

#include "core/json.h"
#include "core/limits/data.h"
#include "formats/utf8.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Columns as they grow: numbers until the first value that is none.
class Table {
 public:
  Result<void> add(const Json& row, std::size_t line) {
    if (!row.is_object()) return invalid(place(line) + "an object was expected");
    if (rows_ == limits::kCsvRowsMax)
      return fail(ErrorKind::kLimit, place(line) + "more than kCsvRowsMax rows");
    for (const auto& [name, value] : row.items()) TRY(add_member(name, value, line));
    ++rows_;
    if (rows_ * columns_.size() > limits::kTableCellsMax) {
      return fail(ErrorKind::kLimit, place(line) + "more than kTableCellsMax cells");
    }
    return {};
  }

  Dataset finish() && {
    Dataset out;
    for (Column& column : columns_) {
      fill(column, rows_);
      out.columns.push_back(std::move(column));
    }
    return out;
  }

 private:
  std::string place(std::size_t line) const {
    return "json rows: line " + std::to_string(line) + ", row " + std::to_string(rows_) + ": ";
  }

  Result<void> add_member(const std::string& name, const Json& value, std::size_t line) {
    if (!value.is_array() || value.empty()) return put(name, value, line);
    for (const Json& item : value) {
      if (!item.is_number()) return put(name, value, line);
    }
    for (std::size_t i = 0; i < value.size(); ++i) {
      std::string column = name;
      column += "." + std::to_string(i);
      TRY(put(column, value[i], line));
    }
    return {};
  }

  Result<void> put(const std::string& name, const Json& value, std::size_t line) {
    const auto [found, is_new] = index_.emplace(name, columns_.size());
    if (is_new) {
      if (columns_.size() == limits::kCsvColumnsMax) {
        return fail(ErrorKind::kLimit, place(line) + "more than kCsvColumnsMax columns");
      }
      if (name.empty()) return invalid(place(line) + "a member without a name");
      columns_.push_back({.name = name});
    }
    Column& column = columns_[found->second];
    fill(column, rows_);
    const bool numeric = value.is_number() || value.is_boolean() || value.is_null();
    if (column.numeric && !numeric) make_text(column);
    if (column.numeric) {
      column.numbers.push_back(value.is_null()      ? std::numeric_limits<double>::quiet_NaN()
                               : value.is_boolean() ? static_cast<double>(value.get<bool>())
                                                    : value.get<double>());
    } else {
      column.texts.push_back(value.is_string()   ? value.get<std::string>()
                             : value.is_null()   ? std::string()
                             : value.is_number() ? number_text(value.get<double>())
                                                 : canonical(value));
    }
    return {};
  }

  // Rows that lack the member.
  static void fill(Column& column, std::size_t rows) {
    if (column.numeric) column.numbers.resize(rows, std::numeric_limits<double>::quiet_NaN());
    if (!column.numeric) column.texts.resize(rows);
  }

  static void make_text(Column& column) {
    for (const double value : column.numbers)
      column.texts.push_back(std::isnan(value) ? "" : number_text(value));
    column.numbers.clear();
    column.numeric = false;
  }

  std::vector<Column> columns_;
  std::unordered_map<std::string, std::size_t> index_;
  std::size_t rows_ = 0;
};

}  // namespace

bool looks_like_json_rows(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos) return false;
  if (text[at] == '[') at = text.find_first_not_of(kBlanks, at + 1);
  return at != std::string_view::npos && text[at] == '{';
}

Result<Dataset> read_json_rows(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  Table table;
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first != std::string_view::npos && text[first] == '[') {
    const Json rows = TRY(parse_json(text));
    std::size_t number = 1;
    for (const Json& row : rows) TRY(table.add(row, number++));
    return std::move(table).finish();
  }
  std::size_t line = 1;
  for (std::size_t begin = 0; begin < text.size(); ++line) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    const std::string_view one = text.substr(begin, end - begin);
    begin = end + 1;
    if (one.size() > limits::kJsonLineBytesMax) {
      return fail(ErrorKind::kLimit,
                  "json rows: line " + std::to_string(line) + " is longer than kJsonLineBytesMax");
    }
    if (one.find_first_not_of(kBlanks) == std::string_view::npos) continue;
    const Result<Json> row = parse_json(one);
    if (!row) return within("json rows: line " + std::to_string(line), row.error());
    TRY(table.add(*row, line));
  }
  return std::move(table).finish();
}

}  // namespace sallyport::formats
