#include "learn/pca.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/limits.h"
#include "core/parallel.h"
#include "learn/random.h"

namespace sallyport::learn {

namespace {

using Vector = std::vector<double>;

constexpr int kSweepsMax = 60;        // Jacobi converges quadratically; ten sweeps are many
constexpr int kIterationsMax = 500;   // of the subspace
constexpr double kConverged = 1e-12;  // relative change of the eigenvalues
// More vectors than asked for make the iteration converge by the ratio to the first one that was left out.
constexpr std::size_t kOversampling = 8;
constexpr std::size_t kJacobiFeaturesMax = 96;

double dot(const Vector& a, const Vector& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
}

// One rotation that makes entry (p, q) zero, applied to the matrix and to the vectors, which are rows here.
void rotate(Vector& a, Vector& vectors, std::size_t n, std::size_t p, std::size_t q) {
  const double off = a[p * n + q];
  if (off == 0) return;
  const double theta = (a[q * n + q] - a[p * n + p]) / (2 * off);
  const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::sqrt(theta * theta + 1));
  const double c = 1 / std::sqrt(t * t + 1);
  const double s = t * c;
  for (std::size_t k = 0; k < n; ++k) {
    const double x = a[k * n + p];
    const double y = a[k * n + q];
    a[k * n + p] = c * x - s * y;
    a[k * n + q] = s * x + c * y;
  }
  for (std::size_t k = 0; k < n; ++k) {
    const double x = a[p * n + k];
    const double y = a[q * n + k];
    a[p * n + k] = c * x - s * y;
    a[q * n + k] = s * x + c * y;
    const double u = vectors[p * n + k];
    const double v = vectors[q * n + k];
    vectors[p * n + k] = c * u - s * v;
    vectors[q * n + k] = s * u + c * v;
  }
}

// Modified Gram and Schmidt, twice, because once loses orthogonality when vectors are nearly parallel. A
// vector that vanishes is left zero: the matrix has lower rank.
void orthonormalise(std::vector<Vector>& vectors) {
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const double before = std::sqrt(dot(vectors[i], vectors[i]));
    for (int pass = 0; pass < 2; ++pass) {
      for (std::size_t j = 0; j < i; ++j) {
        const double along = dot(vectors[i], vectors[j]);
        for (std::size_t k = 0; k < vectors[i].size(); ++k) vectors[i][k] -= along * vectors[j][k];
      }
    }
    const double length = std::sqrt(dot(vectors[i], vectors[i]));
    const double factor = length > 1e-14 * before && length > 0 ? 1 / length : 0;
    for (double& value : vectors[i]) value *= factor;
  }
}

std::vector<Vector> multiply(const Vector& matrix, const std::vector<Vector>& vectors, std::size_t n) {
  std::vector<Vector> out(vectors.size(), Vector(n));
  parallel_for(vectors.size(), [&](std::size_t v) {
    for (std::size_t i = 0; i < n; ++i) {
      const double* row = matrix.data() + i * n;
      out[v][i] = std::inner_product(row, row + n, vectors[v].begin(), 0.0);
    }
  });
  return out;
}

// Rayleigh and Ritz: the best eigenvectors within the space that orthonormal `basis` spans.
Eigen within_basis(const std::vector<Vector>& basis, const std::vector<Vector>& image, std::size_t n) {
  const std::size_t m = basis.size();
  Vector small(m * m);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j <= i; ++j) small[i * m + j] = small[j * m + i] = dot(basis[i], image[j]);
  }
  Eigen eigen = symmetric_eigen(std::move(small), m);
  std::vector<Vector> vectors(m, Vector(n));
  for (std::size_t v = 0; v < m; ++v) {
    for (std::size_t b = 0; b < m; ++b) {
      for (std::size_t k = 0; k < n; ++k) vectors[v][k] += eigen.vectors[v][b] * basis[b][k];
    }
  }
  eigen.vectors = std::move(vectors);
  return eigen;
}

Eigen leading_eigen(const Vector& matrix, std::size_t n, std::size_t count) {
  std::vector<Vector> basis(count + kOversampling, Vector(n));
  Random random(0x5ca1ab1e);
  for (Vector& vector : basis) {
    for (double& value : vector) value = random.normal();
  }
  orthonormalise(basis);
  Eigen eigen;
  for (int iteration = 0; iteration < kIterationsMax; ++iteration) {
    std::vector<Vector> image = multiply(matrix, basis, n);
    Eigen next = within_basis(basis, image, n);
    double change = 0;
    for (std::size_t i = 0; i < count && !eigen.values.empty(); ++i) {
      change = std::max(change, std::abs(next.values[i] - eigen.values[i]));
    }
    const bool settled = !eigen.values.empty() && change <= kConverged * std::abs(next.values[0]);
    eigen = std::move(next);
    if (settled) break;
    basis = std::move(image);
    orthonormalise(basis);
  }
  return eigen;
}

Vector covariance_of(const Matrix& rows, const Vector& mean) {
  const std::size_t d = rows.columns();
  Vector out(d * d);
  // A row of the covariance is one task, so that the order of the sums does not depend on the number of
  // threads.
  parallel_for(d, [&](std::size_t i) {
    double* line = out.data() + i * d;
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      const double off = rows.at(r, i) - mean[i];
      if (off == 0) continue;
      const std::span<const float> values = rows.row(r);
      for (std::size_t j = i; j < d; ++j) line[j] += off * (values[j] - mean[j]);
    }
  });
  const double scale = rows.rows() > 1 ? 1 / static_cast<double>(rows.rows() - 1) : 0;
  for (std::size_t i = 0; i < d; ++i) {
    for (std::size_t j = i; j < d; ++j) out[j * d + i] = out[i * d + j] *= scale;
  }
  return out;
}

}  // namespace

Eigen symmetric_eigen(std::vector<double> matrix, std::size_t n) {
  SP_CHECK(matrix.size() == n * n);
  Vector vectors(n * n);
  for (std::size_t i = 0; i < n; ++i) vectors[i * n + i] = 1;
  const double scale = std::sqrt(std::inner_product(matrix.begin(), matrix.end(), matrix.begin(), 0.0));
  for (int sweep = 0; sweep < kSweepsMax; ++sweep) {
    double off = 0;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) off += matrix[p * n + q] * matrix[p * n + q];
    }
    if (std::sqrt(off) <= 1e-15 * scale) break;
    for (std::size_t p = 0; p < n; ++p) {
      for (std::size_t q = p + 1; q < n; ++q) rotate(matrix, vectors, n, p, q);
    }
  }
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(
      order, [&](std::size_t a, std::size_t b) { return matrix[a * n + a] > matrix[b * n + b]; });
  Eigen out;
  for (const std::size_t i : order) {
    out.values.push_back(matrix[i * n + i]);
    const auto from = vectors.begin() + static_cast<std::ptrdiff_t>(i * n);
    out.vectors.emplace_back(from, from + static_cast<std::ptrdiff_t>(n));
  }
  return out;
}

Result<Pca> principal_components(const Matrix& rows, std::size_t count) {
  const std::size_t d = rows.columns();
  if (rows.rows() == 0 || d == 0) return invalid("principal components: the matrix is empty");
  if (d > limits::kPcaFeaturesMax) {
    return fail(ErrorKind::kLimit, "principal components: more than kPcaFeaturesMax features");
  }
  Pca out{.mean = Vector(d)};
  for (std::size_t r = 0; r < rows.rows(); ++r) {
    for (std::size_t j = 0; j < d; ++j) out.mean[j] += rows.at(r, j);
  }
  for (double& value : out.mean) value /= static_cast<double>(rows.rows());
  Vector covariance = covariance_of(rows, out.mean);
  for (std::size_t i = 0; i < d; ++i) out.total_variance += covariance[i * d + i];
  count = std::min(count, d);
  const bool all = d <= kJacobiFeaturesMax || count + kOversampling >= d;
  Eigen eigen = all ? symmetric_eigen(std::move(covariance), d) : leading_eigen(covariance, d, count);
  for (std::size_t i = 0; i < count; ++i) {
    Vector& vector = eigen.vectors[i];
    const auto largest = std::ranges::max_element(vector, {}, [](double v) { return std::abs(v); });
    if (*largest < 0) {
      for (double& value : vector) value = -value;
    }
    out.variances.push_back(std::max(0.0, eigen.values[i]));
    out.components.push_back(std::move(vector));
  }
  return out;
}

Matrix Pca::project(const Matrix& rows) const {
  SP_CHECK(rows.columns() == mean.size());
  Matrix out(rows.rows(), components.size());
  parallel_for(rows.rows(), [&](std::size_t r) {
    for (std::size_t c = 0; c < components.size(); ++c) {
      double sum = 0;
      for (std::size_t j = 0; j < mean.size(); ++j) sum += (rows.at(r, j) - mean[j]) * components[c][j];
      out.row(r)[c] = static_cast<float>(sum);
    }
  });
  return out;
}

}  // namespace sallyport::learn
