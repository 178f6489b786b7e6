#include "learn/subspace.h"

#include <cmath>

#include "core/limits.h"
#include "learn/product.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

constexpr int kIterations = 6;

Matrix centred(const Matrix& rows) {
  std::vector<double> sums(rows.columns());
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t j = 0; j < rows.columns(); ++j) sums[j] += static_cast<double>(rows.at(r, j));
  }
  for (double& sum : sums) sum /= static_cast<double>(rows.rows());
  Matrix out = rows;
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t j = 0; j < rows.columns(); ++j)
      out.row(r)[j] = static_cast<float>(static_cast<double>(rows.at(r, j)) - sums[j]);
  }
  return out;
}

// Columns made orthonormal by Gram and Schmidt, twice; one that vanishes is left zero.
void orthonormalise(Matrix& basis) {
  const std::size_t n = basis.rows();
  for (std::size_t c = 0; c < basis.columns(); ++c) {
    for (std::size_t pass = 0; pass < 2; ++pass) {
      for (std::size_t other = 0; other < c; ++other) {
        double along = 0;
        for (std::size_t i = 0; i < n; ++i)
          along += static_cast<double>(basis.at(i, c)) * static_cast<double>(basis.at(i, other));
        for (std::size_t i = 0; i < n; ++i) basis.row(i)[c] -= static_cast<float>(along) * basis.at(i, other);
      }
      double square = 0;
      for (std::size_t i = 0; i < n; ++i) square += std::pow(static_cast<double>(basis.at(i, c)), 2);
      const double factor = square > 1e-20 ? 1 / std::sqrt(square) : 0;
      for (std::size_t i = 0; i < n; ++i) basis.row(i)[c] *= static_cast<float>(factor);
    }
  }
}

Matrix covariance(const Matrix& rows, unsigned threads) {
  const std::vector<double> sums = cross_products(rows, rows, 0, rows.rows(), threads);
  double trace = 0;
  for (std::size_t i = 0; i < rows.columns(); ++i) trace += sums[i * rows.columns() + i];
  Matrix out(rows.columns(), rows.columns());
  // The scale is free, so it is the one that keeps a float away from its limits.
  const double scale = trace > 0 ? 1 / trace : 0;
  for (std::size_t i = 0; i < sums.size(); ++i) out.values()[i] = static_cast<float>(sums[i] * scale);
  return out;
}

}  // namespace

Result<Matrix> compressed(const Matrix& rows, std::size_t count, unsigned threads) {
  if (rows.rows() == 0 || rows.columns() == 0) return invalid("subspace: the matrix is empty");
  if (rows.columns() > limits::kPcaFeaturesMax) {
    return fail(ErrorKind::kLimit, "subspace: more than kPcaFeaturesMax features");
  }
  Matrix from_mean = centred(rows);
  if (rows.columns() <= count) return from_mean;
  const Matrix square = covariance(from_mean, threads);
  Matrix basis(rows.columns(), count);
  Random random(0x5ca1ab1e);
  for (float& value : basis.values()) value = static_cast<float>(random.normal());
  for (int i = 0; i < kIterations; ++i) {
    orthonormalise(basis);
    basis = product(square, basis, threads);
  }
  orthonormalise(basis);
  return product(from_mean, basis, threads);
}

}  // namespace sallyport::learn
