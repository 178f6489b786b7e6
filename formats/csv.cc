#include "formats/csv.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_map>
#include <unordered_set>

#include "core/limits.h"
#include "core/limits/tables.h"
#include "formats/utf8.h"

namespace sallyport::formats::csv {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

const std::string kTooLong = "cell longer than " + std::to_string(limits::kCsvCellBytesMax) + " bytes";

// Bytes at which the scan of an unquoted cell stops to think.
constexpr std::array<bool, 256> kStops = [] {
  std::array<bool, 256> stops{};
  for (const unsigned char c : {',', '\n', '\r', '"', '\0'}) stops[c] = true;
  return stops;
}();

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
  // A cell that is too long is not read to its end: its line may be the rest of the file.
  const std::size_t stop = std::min(text_.size(), at_ + limits::kCsvCellBytesMax + 1);
  while (at_ < stop && !kStops[static_cast<unsigned char>(text_[at_])]) ++at_;
  const std::size_t end = at_;
  if (at_ < stop) {
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
  // Each byte of a cell takes at most two.
  const std::size_t stop = at_ + 2 * limits::kCsvCellBytesMax + 2;
  bool doubled = false;
  while (true) {
    if (at_ > stop) return refuse(cells_.size(), kTooLong, ErrorKind::kLimit);
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
    cells_.pop_back();
    return refuse(cells_.size(), kTooLong, ErrorKind::kLimit);
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
  const std::size_t begin = at_;
  for (row_ended_ = false; !row_ended_;) {
    TRY(read_cell());
    if (at_ - begin > limits::kCsvRowBytesMax) {
      return refuse(cells_.size() - 1,
                    "row longer than " + std::to_string(limits::kCsvRowBytesMax) + " bytes",
                    ErrorKind::kLimit);
    }
  }
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
