// A table from CSV: two passes over the text, so that no guess about a column's type is needed.
#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "core/limits.h"
#include "core/text.h"
#include "formats/csv_table.h"
#include "formats/utf8.h"

namespace sallyport::formats::csv {
namespace {

bool is_missing(std::string_view cell) {
  return cell.empty() || cell == "nan" || cell == "NaN" || cell == "NAN";
}

std::optional<double> number_of(std::string_view cell) {
  if (is_missing(cell)) return std::numeric_limits<double>::quiet_NaN();
  if (cell.size() > 1 && cell[0] == '+' && cell[1] != '-') cell.remove_prefix(1);
  const auto value = parsed_number<double>(cell);
  return value && std::isfinite(*value) ? value : std::nullopt;
}

// Whether the number still names what the cell names: "007" and "7" are two identifiers.
bool keeps_identity(std::string_view cell, double value) {
  if (is_missing(cell)) return true;
  if (cell.front() == '-') cell.remove_prefix(1);
  const bool leading_zero = cell.size() > 1 && cell[0] == '0' && cell[1] >= '0' && cell[1] <= '9';
  return !leading_zero && cell.front() != '+' && std::abs(value) < 9007199254740992.0;
}

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

// Calls `passed` every few mebibytes of cells.
class Announcer {
 public:
  explicit Announcer(Passed passed) : passed_(std::move(passed)) {}
  void add(std::size_t bytes) {
    bytes_ += bytes;
    if (bytes_ < kPassedEveryBytes) return;
    bytes_ = 0;
    if (passed_) passed_();
  }

 private:
  Passed passed_;
  std::size_t bytes_ = 0;
};

// The first pass: which columns are numbers throughout, how many rows there are, and what they take.
Result<TableShape> measure(std::string_view text, const Options& options, const Passed& passed) {
  Rows rows(text);
  TRY(rows.next());
  TRY(check_names(rows.header(), options));
  const std::size_t columns = rows.header().size();
  TableShape shape{.image = options.image};
  std::vector<bool> has_role(columns);
  std::vector<bool> must_be_number(columns);
  std::vector<std::uint64_t> text_bytes(columns);
  for (std::size_t i = 0; i < columns; ++i) {
    const std::string& name = rows.header()[i];
    shape.columns.push_back({.name = name});
    has_role[i] = options.roles.covers(name);
    must_be_number[i] = contains(options.numeric, name);
  }
  Announcer announcer(passed);
  while (TRY(rows.next())) {
    ++shape.rows;
    for (std::size_t i = 0; i < columns; ++i) {
      const std::string_view cell = rows.cells()[i];
      text_bytes[i] += text_cell_bytes(cell.size());
      announcer.add(cell.size() + 1);
      if (!shape.columns[i].numeric) continue;
      const std::optional<double> value = number_of(cell);
      if (!value && must_be_number[i]) {
        return invalid("csv: row " + std::to_string(rows.row_count() - 1) + ", column " +
                       printable(rows.header()[i], 80) + ": '" + printable(cell, 40) + "' is not a number");
      }
      shape.columns[i].numeric = value && (!has_role[i] || must_be_number[i] || keeps_identity(cell, *value));
    }
  }
  for (std::size_t i = 0; i < columns; ++i)
    shape.bytes += shape.columns[i].numeric ? shape.rows * kNumberBytes : text_bytes[i];
  return shape;
}

class CellReader : public TableReader {
 public:
  CellReader(std::string_view text, const Options& options, TableShape shape, const Passed& passed)
      : text_(text), options_(options), shape_(std::move(shape)), announcer_(passed), rows_(text) {}

  const TableShape& shape() const override { return shape_; }
  void rewind() override { rows_ = Rows(text_); }

  Result<Dataset> next(std::size_t bytes_max) override {
    if (rows_.header().empty()) TRY(rows_.next());
    Dataset out{.name = options_.name,
                .first_row = rows_.row_count(),
                .columns = shape_.columns,
                .roles = options_.roles,
                .image = options_.image};
    if (bytes_max >= shape_.bytes) reserve(out);
    std::size_t bytes = 0;
    while (bytes < bytes_max && TRY(rows_.next())) {
      for (std::size_t i = 0; i < out.columns.size(); ++i) {
        Column& column = out.columns[i];
        const std::string_view cell = rows_.cells()[i];
        announcer_.add(cell.size() + 1);
        if (column.numeric) {
          column.numbers.push_back(number_of(cell).value_or(std::numeric_limits<double>::quiet_NaN()));
          bytes += kNumberBytes;
        } else {
          column.texts.emplace_back(cell);
          bytes += text_cell_bytes(cell.size());
        }
      }
    }
    return out;
  }

 private:
  void reserve(Dataset& out) const {
    for (Column& column : out.columns)
      column.numeric ? column.numbers.reserve(shape_.rows) : column.texts.reserve(shape_.rows);
  }

  std::string_view text_;
  Options options_;
  TableShape shape_;
  Announcer announcer_;
  Rows rows_;
};

}  // namespace

Result<std::unique_ptr<TableReader>> open(std::string_view text, const Options& options,
                                          const Passed& passed) {
  Result<TableShape> shape = measure(text, options, passed);
  if (!shape && options.name.empty()) return std::unexpected(std::move(shape).error());
  if (!shape) return within(options.name, std::move(shape).error());
  return std::unique_ptr<TableReader>(new CellReader(text, options, std::move(*shape), passed));
}

Result<Dataset> parse(std::string_view text, const Options& options) {
  return TRY(open(text, options))->next(kAllRows);
}

}  // namespace sallyport::formats::csv
