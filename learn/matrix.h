// A dense matrix of float32 in row-major order, and the features and classes of a data set in that form.
//
// Values, so safe from any thread while nobody writes. Building one costs 4 bytes a cell and no more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::learn {

class Matrix {
 public:
  Matrix() = default;
  Matrix(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), values_(rows * columns) {}
  // values.size() == rows * columns, row after row.
  Matrix(std::size_t rows, std::size_t columns, std::vector<float> values);

  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  std::span<const float> row(std::size_t i) const { return {values_.data() + i * columns_, columns_}; }
  std::span<float> row(std::size_t i) { return {values_.data() + i * columns_, columns_}; }
  float at(std::size_t i, std::size_t j) const { return values_[i * columns_ + j]; }
  std::span<const float> values() const { return values_; }
  std::span<float> values() { return values_; }

  // The rows or columns with the given indices, in that order.
  Matrix pick_rows(std::span<const std::size_t> rows) const;
  Matrix pick_columns(std::span<const std::size_t> columns) const;

 private:
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<float> values_;
};

enum class Missing : std::uint8_t {
  kRefuse,  // Error that names the first row and column
  kMedian,  // the median of the column's present values
};

// One row a row, one column for each of data.feature_columns(). Error when there is none, or when a value is
// infinite or does not fit a float.
Result<Matrix> features_of(const Dataset& data, Missing missing = Missing::kRefuse);

// The distinct labels, by value when all are numbers ("2" before "10") and by bytes otherwise, and each row's
// class.
struct Classes {
  std::vector<std::string> names = {};
  std::vector<std::uint32_t> of_row = {};

  std::vector<std::uint64_t> counts() const;
};
Result<Classes> classes_of(const Dataset& data);
// Rows as classes of a list that is known already; Error on a label that it lacks.
Result<std::vector<std::uint32_t>> classes_of(const Dataset& data, const std::vector<std::string>& names);

// Each column moved and scaled to mean 0 and standard deviation 1; a constant column becomes 0.
struct Scaling {
  std::vector<float> shift;
  std::vector<float> factor;

  Matrix apply(const Matrix& matrix) const;
};
Scaling standard_scaling(const Matrix& matrix);

}  // namespace sallyport::learn
