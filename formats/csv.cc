#include "formats/csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

#include "core/limits.h"
#include "formats/utf8.h"

namespace sallyport::formats::csv {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

// Bytes at which the scan of an unquoted cell stops to think.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> stops{};
  for (const unsigned char c : {',', '\n', '\r', '"', '\0'}) stops[c] = true;
  return stops;
}();

bool is_missing(std::string_view cell) {
  return cell.empty() || cell == "nan" || cell == "NaN" || cell == "NAN";
}

std::optional<double> number_of(std::string_view cell) {
  if (is_missing(cell)) return std::numeric_limits<double>::quiet_NaN();
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

// Whether the number still names what the cell names: "007" and "7" are two identifiers.
bool keeps_identity(std::string_view cell, double value) {
  if (is_missing(cell)) return true;
  if (cell.front() == '-') cell.remove_prefix(1);
  const bool leading_zero = cell.size() > 1 && cell[0] == '0' && cell[1] >= '0' && cell[1] <= '9';
  return !leading_zero && cell.front() != '+' && std::abs(value) < 9007199254740992.0;
}

}  // namespace

Rows::Rows(std::string_view text) : text_(text) {
  if (text_.starts_with(kByteOrderMark)) at_ = kByteOrderMark.size();
}

std::unexpected<Error> Rows::refuse(std::size_t column, const std::string& what, ErrorKind kind) const {
  std::string place = "csv: line " + std::to_string(line_ + newlines_);
  if (have_header_) place += ", row " + std::to_string(rows_);
  place +=
      ", column " + (column < header_.size() ? printable(header_[column], 80) : std::to_string(column + 1));
  return fail(kind, place + ": " + what);
}

Result<void> Rows::read_plain() {
  const std::size_t begin = at_;
  while (at_ < text_.size() && !kStops[static_cast<unsigned char>(text_[at_])]) ++at_;
  const std::size_t end = at_;
  if (at_ < text_.size()) {
    if (text_[at_] == '"') return refuse(cells_.size(), "quote inside a cell that does not start with one");
    if (text_[at_] == '\0') return refuse(cells_.size(), "NUL byte");
    if (text_[at_] == '\r' && (at_ + 1 == text_.size() || text_[at_ + 1] != '\n')) {
      return refuse(cells_.size(), "carriage return without line feed");
    }
  }
  cells_.push_back(text_.substr(begin, end - begin));
  return {};
}

Result<void> Rows::read_quoted() {
  const std::size_t scratch_begin = scratch_.size();
  std::size_t begin = ++at_;
  bool doubled = false;
  while (true) {
    if (at_ == text_.size()) return refuse(cells_.size(), "quoted cell without an end");
    const char c = text_[at_];
    if (c == '\0') return refuse(cells_.size(), "NUL byte");
    if (c == '\n') ++newlines_;
    ++at_;
    if (c != '"') continue;
    if (at_ == text_.size() || text_[at_] != '"') break;
    scratch_ += text_.substr(begin, at_ - begin);
    begin = ++at_;
    doubled = true;
  }
  const std::string_view tail = text_.substr(begin, at_ - 1 - begin);
  if (doubled) {
    scratch_ += tail;
    unquoted_.push_back({cells_.size(), scratch_begin, scratch_.size()});
    cells_.push_back(std::string_view(scratch_).substr(scratch_begin));
  } else {
    cells_.push_back(tail);
  }
  if (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '\n' &&
      !text_.substr(at_).starts_with("\r\n")) {
    return refuse(cells_.size() - 1, "text after the closing quote");
  }
  return {};
}

Result<void> Rows::read_cell() {
  if (cells_.size() == limits::kCsvColumnsMax) {
    return refuse(cells_.size(), "more than " + std::to_string(limits::kCsvColumnsMax) + " columns",
                  ErrorKind::kLimit);
  }
  TRY(at_ < text_.size() && text_[at_] == '"' ? read_quoted() : read_plain());
  const std::string_view cell = cells_.back();
  if (cell.size() > limits::kCsvCellBytesMax) {
    return refuse(cells_.size() - 1,
                  "cell longer than " + std::to_string(limits::kCsvCellBytesMax) + " bytes",
                  ErrorKind::kLimit);
  }
  if (!is_utf8(cell)) return refuse(cells_.size() - 1, "invalid UTF-8");
  row_ended_ = at_ == text_.size() || text_[at_] != ',';
  if (at_ == text_.size()) return {};
  at_ += text_[at_] == '\r' ? 2 : 1;
  return {};
}

Result<void> Rows::take_header() {
  std::unordered_map<std::string_view, std::size_t> seen;
  for (std::size_t i = 0; i < cells_.size(); ++i) {
    if (cells_[i].empty()) return refuse(i, "empty column name");
    const auto [first, is_new] = seen.emplace(cells_[i], i);
    if (!is_new) {
      return refuse(i, "name '" + printable(cells_[i], 80) + "' is already that of column " +
                           std::to_string(first->second + 1));
    }
  }
  header_.assign(cells_.begin(), cells_.end());
  have_header_ = true;
  return {};
}

Result<bool> Rows::next() {
  cells_.clear();
  scratch_.clear();
  unquoted_.clear();
  if (at_ == text_.size()) {
    if (!have_header_) return invalid("csv: no header", "the first line names the columns");
    return false;
  }
  const bool is_header = !have_header_;
  if (!is_header && rows_ == limits::kCsvRowsMax) {
    return refuse(0, "more than " + std::to_string(limits::kCsvRowsMax) + " rows", ErrorKind::kLimit);
  }
  newlines_ = 0;
  for (row_ended_ = false; !row_ended_;) TRY(read_cell());
  // The scratch text may have moved while it grew.
  for (const Unquoted& u : unquoted_) {
    cells_[u.cell] = std::string_view(scratch_).substr(u.begin, u.end - u.begin);
  }
  if (is_header) {
    TRY(take_header());
  } else {
    if (cells_.size() != header_.size()) {
      const std::size_t column = std::min(cells_.size(), header_.size());
      return refuse(column, std::to_string(cells_.size()) + " cells where the header has " +
                                std::to_string(header_.size()));
    }
    ++rows_;
  }
  line_ += newlines_ + 1;
  return true;
}

namespace {

struct Shape {
  std::vector<bool> numeric;
  std::size_t rows = 0;
};

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Result<void> check_names(const std::vector<std::string>& header, const Options& options) {
  std::vector<std::string> wanted = options.numeric;
  for (const std::string_view role : options.roles.all()) {
    if (!role.empty()) wanted.emplace_back(role);
  }
  for (const std::string& name : wanted) {
    if (!contains(header, name)) {
      return fail(ErrorKind::kNotFound, "csv: no column '" + printable(name, 80) + "' in the header",
                  "the schema names it; check the spelling");
    }
  }
  return {};
}

// The first pass: which columns are numbers throughout, and how many rows there are.
Result<Shape> measure(std::string_view text, const Options& options) {
  Rows rows(text);
  TRY(rows.next());
  TRY(check_names(rows.header(), options));
  const std::size_t columns = rows.header().size();
  Shape shape{.numeric = std::vector<bool>(columns, true)};
  std::vector<bool> has_role(columns);
  std::vector<bool> must_be_number(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::string& name = rows.header()[i];
    has_role[i] = options.roles.covers(name);
    must_be_number[i] = contains(options.numeric, name);
  }
  while (TRY(rows.next())) {
    ++shape.rows;
    for (std::size_t i = 0; i < columns; ++i) {
      if (!shape.numeric[i]) continue;
      const std::string_view cell = rows.cells()[i];
      const std::optional<double> value = number_of(cell);
      if (!value && must_be_number[i]) {
        return invalid("csv: row " + std::to_string(rows.row_count() - 1) + ", column " +
                       printable(rows.header()[i], 80) + ": '" + printable(cell, 40) + "' is not a number");
      }
      shape.numeric[i] = value && (!has_role[i] || must_be_number[i] || keeps_identity(cell, *value));
    }
  }
  return shape;
}

Result<Dataset> fill(std::string_view text, const Options& options, const Shape& shape) {
  Rows rows(text);
  TRY(rows.next());
  Dataset out{.name = options.name, .roles = options.roles, .image = options.image};
  for (std::size_t i = 0; i < shape.numeric.size(); ++i) {
    Column column{.name = rows.header()[i], .numeric = shape.numeric[i]};
    column.numeric ? column.numbers.reserve(shape.rows) : column.texts.reserve(shape.rows);
    out.columns.push_back(std::move(column));
  }
  while (TRY(rows.next())) {
    for (std::size_t i = 0; i < shape.numeric.size(); ++i) {
      Column& column = out.columns[i];
      const std::string_view cell = rows.cells()[i];
      if (column.numeric) {
        column.numbers.push_back(number_of(cell).value_or(std::numeric_limits<double>::quiet_NaN()));
      } else {
        column.texts.emplace_back(cell);
      }
    }
  }
  return out;
}

}  // namespace

Result<Dataset> parse(std::string_view text, const Options& options) {
  const auto in_place = [&](Error error) {
    return options.name.empty() ? std::unexpected(std::move(error)) : within(options.name, std::move(error));
  };
  // Two passes, so that neither a guess about a column's type nor a second copy of its cells is needed.
  auto shape = measure(text, options);
  if (!shape) return in_place(std::move(shape).error());
  auto data = fill(text, options, *shape);
  if (!data) return in_place(std::move(data).error());
  return std::move(*data);
}

namespace {

Result<void> write_cell(std::string& out, std::string_view cell, bool alone) {
  if (cell.find('\0') != std::string_view::npos) return invalid("NUL byte");
  if (!is_utf8(cell)) return invalid("invalid UTF-8");
  if (cell.size() > limits::kCsvCellBytesMax) return fail(ErrorKind::kLimit, "cell too long");
  // The empty cell of a lone column is quoted: its line would otherwise be no line at the end of the file.
  const bool quoted = cell.find_first_of(",\"\r\n") != std::string_view::npos || (alone && cell.empty());
  if (!quoted) {
    out += cell;
    return {};
  }
  out += '"';
  for (const char c : cell) {
    if (c == '"') out += '"';
    out += c;
  }
  out += '"';
  return {};
}

std::unexpected<Error> refuse_column(const Column& column, const std::string& what) {
  return invalid("csv: column " + printable(column.name, 80) + ": " + what);
}

Result<void> write_header(std::string& out, const Dataset& dataset) {
  std::unordered_set<std::string_view> seen;
  for (const Column& column : dataset.columns) {
    if (column.name.empty()) return refuse_column(column, "empty name");
    if (!seen.insert(column.name).second) return refuse_column(column, "repeated name");
    if (column.size() != dataset.rows())
      return refuse_column(column, "has another number of rows than the first");
    if (seen.size() > 1) out += ',';
    if (auto done = write_cell(out, column.name, false); !done)
      return refuse_column(column, done.error().message);
  }
  out += '\n';
  return {};
}

Result<void> write_row(std::string& out, const Dataset& dataset, std::size_t row) {
  for (std::size_t i = 0; i < dataset.columns.size(); ++i) {
    const Column& column = dataset.columns[i];
    if (i > 0) out += ',';
    if (column.numeric && std::isinf(column.numbers[row])) {
      return refuse_column(column, "row " + std::to_string(row) + ": infinite number");
    }
    const std::string cell = column.numeric ? number_text(column.numbers[row]) : column.texts[row];
    if (auto done = write_cell(out, cell, dataset.columns.size() == 1); !done) {
      return refuse_column(column, "row " + std::to_string(row) + ": " + done.error().message);
    }
  }
  out += '\n';
  return {};
}

}  // namespace

Result<std::string> write(const Dataset& dataset) {
  if (dataset.columns.empty()) return invalid("csv: a table without columns cannot be written");
  std::string out;
  TRY(write_header(out, dataset));
  for (std::size_t row = 0; row < dataset.rows(); ++row) TRY(write_row(out, dataset, row));
  return out;
}

}  // namespace sallyport::formats::csv
