#include "learn/matrix.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "core/text.h"
#include "learn/statistics.h"

namespace sallyport::learn {

Matrix::Matrix(std::size_t rows, std::size_t columns, std::vector<float> values)
    : rows_(rows), columns_(columns), values_(std::move(values)) {
  SP_CHECK(values_.size() == rows * columns);
}

Matrix Matrix::pick_rows(std::span<const std::size_t> rows) const {
  Matrix out(rows.size(), columns_);
  for (std::size_t i = 0; i < rows.size(); ++i) std::ranges::copy(row(rows[i]), out.row(i).begin());
  return out;
}

Matrix Matrix::pick_columns(std::span<const std::size_t> columns) const {
  Matrix out(rows_, columns.size());
  for (std::size_t i = 0; i < rows_; ++i) {
    const std::span<float> to = out.row(i);
    for (std::size_t j = 0; j < columns.size(); ++j) to[j] = at(i, columns[j]);
  }
  return out;
}

namespace {

double median_of_present(const std::vector<double>& values) {
  std::vector<double> present;
  std::ranges::copy_if(values, std::back_inserter(present), [](double v) { return !std::isnan(v); });
  return median(present);
}

bool class_less(const std::string& a, const std::string& b) {
  const auto x = parsed_number<double>(a);
  const auto y = parsed_number<double>(b);
  return x && y && *x != *y ? *x < *y : a < b;
}

}  // namespace

Result<Matrix> features_of(const Dataset& data, Missing missing) {
  const std::vector<std::size_t> columns = data.feature_columns();
  if (columns.empty())
    return invalid(data.name + ": no numeric column without a role, so there are no features");
  std::vector<double> fill(columns.size());
  for (std::size_t j = 0; j < columns.size(); ++j) {
    const Column& column = data.columns[columns[j]];
    const auto is_missing = [](double value) { return std::isnan(value); };
    const bool fills = missing == Missing::kMedian && std::ranges::any_of(column.numbers, is_missing);
    if (fills) fill[j] = median_of_present(column.numbers);
    for (std::size_t i = 0; i < column.numbers.size(); ++i) {
      const double value = fills && is_missing(column.numbers[i]) ? fill[j] : column.numbers[i];
      if (std::abs(value) <= std::numeric_limits<float>::max()) continue;
      return invalid(data.name + ": row " + std::to_string(data.first_row + i) + ", column " + column.name +
                         ": not a finite number of 32 bits",
                     "clean the table or leave the column out");
    }
  }
  Matrix out(data.rows(), columns.size());
  // A few rows at a time, so that what is written stays in cache.
  constexpr std::size_t kRowsTogether = 64;
  for (std::size_t begin = 0; begin < out.rows(); begin += kRowsTogether) {
    const std::size_t end = std::min(out.rows(), begin + kRowsTogether);
    for (std::size_t j = 0; j < columns.size(); ++j) {
      const std::vector<double>& numbers = data.columns[columns[j]].numbers;
      for (std::size_t i = begin; i < end; ++i)
        out.row(i)[j] = static_cast<float>(std::isnan(numbers[i]) ? fill[j] : numbers[i]);
    }
  }
  return out;
}

std::vector<std::uint64_t> Classes::counts() const {
  std::vector<std::uint64_t> out(names.size(), 0);
  for (const std::uint32_t c : of_row) ++out[c];
  return out;
}

Result<Classes> classes_of(const Dataset& data) {
  const std::vector<std::string> labels = TRY(data.labels());
  Classes out{.names = labels};
  // "1" < "a" < "2" would not be an order, so numbers are compared as numbers only when all labels are
  // numbers.
  const bool numeric =
      std::ranges::all_of(labels, [&](const std::string& l) { return parsed_number<double>(l).has_value(); });
  if (numeric) {
    std::ranges::sort(out.names, class_less);
  } else {
    std::ranges::sort(out.names);
  }
  out.names.erase(std::unique(out.names.begin(), out.names.end()), out.names.end());
  out.of_row = TRY(classes_of(data, out.names));
  return out;
}

Result<std::vector<std::uint32_t>> classes_of(const Dataset& data, const std::vector<std::string>& names) {
  const std::vector<std::string> labels = TRY(data.labels());
  std::vector<std::pair<std::string_view, std::uint32_t>> index;
  for (std::size_t i = 0; i < names.size(); ++i) index.emplace_back(names[i], static_cast<std::uint32_t>(i));
  std::ranges::sort(index);
  std::vector<std::uint32_t> out;
  out.reserve(labels.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    const auto found =
        std::ranges::lower_bound(index, std::pair<std::string_view, std::uint32_t>(labels[i], 0));
    if (found == index.end() || found->first != labels[i]) {
      return invalid(data.name + ": row " + std::to_string(data.first_row + i) + ": label '" + labels[i] +
                     "' is none of the " + std::to_string(names.size()) + " known classes");
    }
    out.push_back(found->second);
  }
  return out;
}

Matrix Scaling::apply(const Matrix& matrix) const {
  SP_CHECK(matrix.columns() == shift.size());
  Matrix out = matrix;
  for (std::size_t i = 0; i < out.rows(); ++i) {
    const std::span<float> values = out.row(i);
    for (std::size_t j = 0; j < values.size(); ++j) values[j] = (values[j] - shift[j]) * factor[j];
  }
  return out;
}

Scaling standard_scaling(const Matrix& matrix) {
  Scaling out{.shift = std::vector<float>(matrix.columns()), .factor = std::vector<float>(matrix.columns())};
  std::vector<double> column(matrix.rows());
  for (std::size_t j = 0; j < matrix.columns(); ++j) {
    for (std::size_t i = 0; i < matrix.rows(); ++i) column[i] = matrix.at(i, j);
    const double deviation = std::sqrt(variance(column));
    out.shift[j] = static_cast<float>(mean(column));
    out.factor[j] = deviation > 0 ? static_cast<float>(1 / deviation) : 0.0F;
  }
  return out;
}

}  // namespace sallyport::learn
