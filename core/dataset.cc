#include "core/dataset.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

namespace sallyport {

bool Roles::covers(std::string_view column) const {
  const std::array<std::string_view, 5> names = all();
  return !column.empty() && std::find(names.begin(), names.end(), column) != names.end();
}

const Column* Dataset::find(std::string_view column) const {
  if (column.empty()) return nullptr;
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == column; });
  return found == columns.end() ? nullptr : &*found;
}

std::vector<std::size_t> Dataset::feature_columns() const {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (columns[i].numeric && !roles.covers(columns[i].name)) out.push_back(i);
  }
  return out;
}

Dataset Dataset::slice(std::size_t begin, std::size_t end) const {
  std::vector<std::size_t> rows(end - begin);
  std::iota(rows.begin(), rows.end(), begin);
  Dataset out = pick(rows);
  out.first_row = first_row + begin;
  return out;
}

Dataset Dataset::pick(const std::vector<std::size_t>& rows) const {
  Dataset out{.name = name, .first_row = first_row, .roles = roles, .image = image};
  for (const Column& column : columns) {
    Column copy{.name = column.name, .numeric = column.numeric};
    if (column.numeric) {
      copy.numbers.reserve(rows.size());
      for (const std::size_t row : rows) copy.numbers.push_back(column.numbers[row]);
    } else {
      copy.texts.reserve(rows.size());
      for (const std::size_t row : rows) copy.texts.push_back(column.texts[row]);
    }
    out.columns.push_back(std::move(copy));
  }
  return out;
}

namespace {
std::vector<std::string> column_texts(const Column& column) {
  if (!column.numeric) return column.texts;
  std::vector<std::string> out;
  out.reserve(column.numbers.size());
  for (const double value : column.numbers) out.push_back(number_text(value));
  return out;
}
}  // namespace

Result<std::vector<std::string>> Dataset::labels() const {
  const Column* column = find(roles.label);
  if (column == nullptr) {
    return invalid("data set " + name + ": no label column",
                   "name the column that holds the labels, for example schema: {label: digit}");
  }
  return column_texts(*column);
}

std::vector<std::string> Dataset::ids() const {
  if (const Column* column = find(roles.id)) return column_texts(*column);
  std::vector<std::string> out;
  for (std::size_t row = 0; row < rows(); ++row) out.push_back(std::to_string(first_row + row));
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "";
  char buffer[32];
  if (std::abs(value) < 1e15 && value == std::floor(value)) {
    const auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<long long>(value)).ptr;
    return {buffer, end};
  }
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return {buffer, end};
}

}  // namespace sallyport
