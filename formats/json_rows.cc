#include "formats/json_rows.h"

#include <cmath>
#include <limits>
#include <optional>
#include <string>
#include <unordered_map>

#include "core/json.h"
#include "core/limits/data.h"
#include "formats/utf8.h"

namespace sallyport::formats {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// Columns as they grow. In the first pass they hold no cells: a column is one of numbers until the first
// value that is none. In the second their types are settled.
class Table {
 public:
  Table() = default;
  explicit Table(std::vector<Column> settled) : settled_(true), columns_(std::move(settled)) {
    for (std::size_t i = 0; i < columns_.size(); ++i) index_.emplace(columns_[i].name, i);
  }

  Result<void> add(const Json& row, std::size_t line) {
    if (!row.is_object()) return invalid(place(line) + "an object was expected");
    if (rows_ == limits::kCsvRowsMax)
      return fail(ErrorKind::kLimit, place(line) + "more than kCsvRowsMax rows");
    for (const auto& [name, value] : row.items()) TRY(add_member(name, value, line));
    ++rows_;
    if (settled_) bytes_ += columns_.size() * kNumberBytes;
    return {};
  }

  std::uint64_t rows() const { return rows_; }
  std::size_t bytes() const { return bytes_; }
  // Of the columns, when all of their cells are in memory.
  std::uint64_t bytes_in_all() const {
    std::uint64_t out = text_bytes_;
    for (const Column& column : columns_) out += rows_ * (column.numeric ? kNumberBytes : text_cell_bytes(0));
    return out;
  }
  std::vector<Column> columns() const { return columns_; }

  // The rows since the last time.
  Dataset take() {
    Dataset out{.first_row = static_cast<std::size_t>(taken_)};
    for (Column& column : columns_) {
      fill(column, held());
      out.columns.push_back({.name = column.name, .numeric = column.numeric});
      std::swap(out.columns.back().numbers, column.numbers);
      std::swap(out.columns.back().texts, column.texts);
    }
    taken_ = rows_;
    bytes_ = 0;
    return out;
  }

 private:
  std::size_t held() const { return static_cast<std::size_t>(rows_ - taken_); }
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
    const bool numeric = value.is_number() || value.is_boolean() || value.is_null();
    if (!settled_) {
      column.numeric = column.numeric && numeric;
      if (value.is_string())
        text_bytes_ += text_cell_bytes(value.get_ref<const std::string&>().size()) - text_cell_bytes(0);
      return {};
    }
    fill(column, held());
    if (column.numeric) {
      column.numbers.push_back(value.is_null()      ? std::numeric_limits<double>::quiet_NaN()
                               : value.is_boolean() ? static_cast<double>(value.get<bool>())
                                                    : value.get<double>());
      return {};
    }
    column.texts.push_back(value.is_string()    ? value.get<std::string>()
                           : value.is_null()    ? std::string()
                           : value.is_number()  ? number_text(value.get<double>())
                           : value.is_boolean() ? number_text(static_cast<double>(value.get<bool>()))
                                                : canonical(value));
    bytes_ += text_cell_bytes(column.texts.back().size());
    return {};
  }

  // Rows that lack the member.
  static void fill(Column& column, std::size_t rows) {
    if (column.numeric) column.numbers.resize(rows, std::numeric_limits<double>::quiet_NaN());
    if (!column.numeric) column.texts.resize(rows);
  }

  bool settled_ = false;
  std::vector<Column> columns_;
  std::unordered_map<std::string, std::size_t> index_;
  std::uint64_t rows_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t text_bytes_ = 0;
  std::size_t bytes_ = 0;  // that are held
};

// The texts of the rows, one after the other: lines, or the elements of one array.
class Elements {
 public:
  explicit Elements(std::string_view text) : text_(text) {
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;
    const std::size_t first = text_.find_first_not_of(kBlanks, at_);
    in_array_ = first != std::string_view::npos && text_[first] == '[';
    if (in_array_) at_ = first + 1;
  }

  std::size_t at() const { return at_; }
  std::size_t line() const { return line_; }
  Result<std::optional<std::string_view>> next() { return in_array_ ? element() : one_line(); }

 private:
  Result<std::optional<std::string_view>> one_line() {
    while (at_ < text_.size()) {
      ++line_;
      const std::string_view rest = text_.substr(at_, limits::kJsonLineBytesMax + 1);
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      if (end > limits::kJsonLineBytesMax) return too_long("line");
      at_ += end + 1;
      const std::string_view one = rest.substr(0, end);
      if (one.find_first_not_of(kBlanks) != std::string_view::npos) return std::optional(one);
    }
    return std::nullopt;
  }

  Result<std::optional<std::string_view>> element() {
    ++line_;
    at_ = std::min(text_.find_first_not_of(kBlanks, at_), text_.size());
    if (ended_ || (line_ == 1 && at_ < text_.size() && text_[at_] == ']')) {
      if (!ended_) ++at_;
      if (text_.find_first_not_of(kBlanks, at_) == std::string_view::npos) return std::nullopt;
      return invalid("json rows: text after the array");
    }
    const std::size_t begin = at_;
    std::size_t depth = 0;
    for (bool in_text = false; at_ < text_.size(); ++at_) {
      if (at_ - begin > limits::kJsonLineBytesMax) return too_long("element");
      const char c = text_[at_];
      if (in_text) {
        if (c == '\\') ++at_;
        in_text = c != '"';
        continue;
      }
      in_text = c == '"';
      if (depth == 0 && (c == ',' || c == ']')) break;
      if (c == '{' || c == '[') ++depth;
      if ((c == '}' || c == ']') && depth > 0) --depth;
    }
    if (at_ >= text_.size()) return invalid("json rows: the array does not end");
    ended_ = text_[at_] == ']';
    return std::optional(text_.substr(begin, at_++ - begin));
  }

  std::unexpected<Error> too_long(const std::string& what) const {
    return fail(ErrorKind::kLimit,
                "json rows: " + what + " " + std::to_string(line_) + " is longer than kJsonLineBytesMax");
  }

  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t line_ = 0;  // or the number of the element, from 1
  bool in_array_ = false;
  bool ended_ = false;
};

// Adds the next row; false at the end.
Result<bool> add_next(Elements& elements, Table& table) {
  const std::optional<std::string_view> one = TRY(elements.next());
  if (!one) return false;
  const Result<Json> row = parse_json(*one);
  if (!row) return within("json rows: line " + std::to_string(elements.line()), row.error());
  TRY(table.add(*row, elements.line()));
  return true;
}

class RowReader : public TableReader {
 public:
  RowReader(std::string_view text, TableShape shape, const Passed& passed)
      : text_(text), shape_(std::move(shape)), passed_(passed), elements_(text), table_(shape_.columns) {}

  const TableShape& shape() const override { return shape_; }
  void rewind() override {
    elements_ = Elements(text_);
    passed_at_ = 0;
    table_ = Table(shape_.columns);
  }
  Result<Dataset> next(std::size_t bytes_max) override {
    while (table_.bytes() < bytes_max && TRY(add_next(elements_, table_))) {
      if (elements_.at() - passed_at_ < kPassedEveryBytes) continue;
      passed_at_ = elements_.at();
      if (passed_) passed_();
    }
    return table_.take();
  }

 private:
  std::string_view text_;
  TableShape shape_;
  Passed passed_;
  std::size_t passed_at_ = 0;
  Elements elements_;
  Table table_;
};

}  // namespace

bool looks_like_json_rows(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  std::size_t at = text.find_first_not_of(kBlanks);
  if (at == std::string_view::npos) return false;
  if (text[at] == '[') at = text.find_first_not_of(kBlanks, at + 1);
  return at != std::string_view::npos && text[at] == '{';
}

Result<std::unique_ptr<TableReader>> open_json_rows(std::string_view text, const Passed& passed) {
  Elements elements(text);
  Table table;
  for (std::size_t last = 0; TRY(add_next(elements, table));) {
    if (elements.at() - last < kPassedEveryBytes) continue;
    last = elements.at();
    if (passed) passed();
  }
  TableShape shape{.columns = table.columns(), .rows = table.rows(), .bytes = table.bytes_in_all()};
  return std::unique_ptr<TableReader>(new RowReader(text, std::move(shape), passed));
}

Result<Dataset> read_json_rows(std::string_view text) { return TRY(open_json_rows(text))->next(kAllRows); }

}  // namespace sallyport::formats
