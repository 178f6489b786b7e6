// Principal components of the rows of a matrix.
//
// The covariance is d x d in double, so d features cost 8 d^2 bytes; kPcaFeaturesMax bounds it. The leading
// components come from subspace iteration with a fixed start (Halko, Martinsson and Tropp 2011, 4.5), all of
// them from Jacobi's rotations (Golub and Van Loan, 8.5). Deterministic: a component's sign makes its largest
// entry positive. Equal eigenvalues leave their components free within the space that they share. Safe from
// any thread.
#pragma once

#include <cstddef>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct Pca {
  std::vector<double> mean = {};
  std::vector<std::vector<double>> components = {};  // unit length, strongest first
  std::vector<double> variances = {};                // along each component, n - 1 below the sum
  double total_variance = 0;

  // One row a row, one column a component: where it lies relative to the mean. Widths agree.
  Matrix project(const Matrix& rows) const;
};

// The `count` strongest components, fewer when there are fewer features. Error when there are no rows or more
// than kPcaFeaturesMax features.
Result<Pca> principal_components(const Matrix& rows, std::size_t count);

// Eigenvalues, largest first, and unit eigenvectors of a symmetric matrix of n x n numbers in row-major
// order.
struct Eigen {
  std::vector<double> values;
  std::vector<std::vector<double>> vectors;
};
Eigen symmetric_eigen(std::vector<double> matrix, std::size_t n);

}  // namespace sallyport::learn
