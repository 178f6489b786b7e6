#include "learn/out_of_fold.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/parallel.h"
#include "learn/product.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

// cos(x w + b) for random w and b; one more feature that is 1 takes the place of an intercept.
Matrix fourier_features(const Matrix& features, const OutOfFoldOptions& options) {
  double variance = 0;
  for (std::size_t j = 0; j < features.columns(); ++j) {
    double sum = 0;
    double squares = 0;
    for (std::size_t r = 0; r < features.rows(); ++r) {
      const double value = static_cast<double>(features.at(r, j));
      sum += value;
      squares += value * value;
    }
    const double n = static_cast<double>(features.rows());
    variance += std::max(0.0, squares / n - sum / n * (sum / n));
  }
  const double width = variance > 0 ? 1 / std::sqrt(2 * variance) : 1;
  Random random(options.seed);
  Matrix directions(features.columns(), options.bases);
  for (float& value : directions.values()) value = static_cast<float>(random.normal() * width);
  std::vector<float> phases(options.bases);
  for (float& phase : phases) phase = static_cast<float>(random.uniform() * 2 * std::numbers::pi);
  const Matrix angles = product(features, directions, options.threads);
  Matrix out(features.rows(), options.bases + 1);
  const float scale = std::sqrt(2.0F / static_cast<float>(options.bases));
  parallel_for(
      features.rows(),
      [&](std::size_t r) {
        const std::span<float> to = out.row(r);
        for (std::size_t j = 0; j < options.bases; ++j) to[j] = std::cos(angles.at(r, j) + phases[j]) * scale;
        to[options.bases] = 1;
      },
      options.threads);
  return out;
}

// Solves a x = b for `columns` right-hand sides by Cholesky's decomposition, in place of b. The ridge makes
// the matrix positive definite.
void solve(std::vector<double>& a, std::vector<double>& b, std::size_t n, std::size_t columns) {
  for (std::size_t j = 0; j < n; ++j) {
    double* row = a.data() + j * n;
    double diagonal = row[j];
    for (std::size_t k = 0; k < j; ++k) diagonal -= row[k] * row[k];
    row[j] = std::sqrt(std::max(diagonal, 1e-12));
    for (std::size_t i = j + 1; i < n; ++i) {
      const double* other = a.data() + i * n;
      double sums[4] = {};
      std::size_t k = 0;
      for (; k + 4 <= j; k += 4) {
        for (std::size_t lane = 0; lane < 4; ++lane) sums[lane] += other[k + lane] * row[k + lane];
      }
      double sum = sums[0] + sums[1] + sums[2] + sums[3];
      for (; k < j; ++k) sum += other[k] * row[k];
      a[i * n + j] = (other[j] - sum) / row[j];
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t c = 0; c < columns; ++c) {
      double sum = b[i * columns + c];
      for (std::size_t k = 0; k < i; ++k) sum -= a[i * n + k] * b[k * columns + c];
      b[i * columns + c] = sum / a[i * n + i];
    }
  }
  for (std::size_t i = n; i-- > 0;) {
    for (std::size_t c = 0; c < columns; ++c) {
      double sum = b[i * columns + c];
      for (std::size_t k = i + 1; k < n; ++k) sum -= a[k * n + i] * b[k * columns + c];
      b[i * columns + c] = sum / a[i * n + i];
    }
  }
}

struct Sums {
  std::vector<double> gram;
  std::vector<double> targets;
};

void add(std::vector<double>& to, const std::vector<double>& from, double factor) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

Matrix fitted(Sums sums, std::size_t n, std::size_t outputs, double ridge) {
  double trace = 0;
  for (std::size_t i = 0; i + 1 < n; ++i) trace += sums.gram[i * n + i];
  for (std::size_t i = 0; i < n; ++i) sums.gram[i * n + i] += ridge * trace / static_cast<double>(n);
  solve(sums.gram, sums.targets, n, outputs);
  Matrix out(n, outputs);
  for (std::size_t i = 0; i < sums.targets.size(); ++i) out.values()[i] = static_cast<float>(sums.targets[i]);
  return out;
}

}  // namespace

Result<Matrix> out_of_fold_scores(const Matrix& features, const Classes& classes,
                                  const OutOfFoldOptions& options) {
  const std::size_t rows = features.rows();
  const std::size_t outputs = classes.names.size();
  if (options.folds < 2 || rows < options.folds) return invalid("out of fold: fewer rows than folds");
  if (outputs < 2) return invalid("out of fold: fewer than two classes");
  SP_CHECK(classes.of_row.size() == rows);
  std::vector<std::size_t> order(rows);
  std::iota(order.begin(), order.end(), std::size_t{0});
  Random random(derive_seed(options.seed, 1));
  random.shuffle(std::span(order));
  const Matrix bases = fourier_features(features.pick_rows(order), options);
  Matrix targets(rows, outputs);
  for (std::size_t r = 0; r < rows; ++r) targets.row(r)[classes.of_row[order[r]]] = 1;

  const auto first_of = [&](std::size_t fold) { return rows * fold / options.folds; };
  std::vector<Sums> of_fold;
  Sums all{std::vector<double>(bases.columns() * bases.columns()),
           std::vector<double>(bases.columns() * outputs)};
  for (std::size_t fold = 0; fold < options.folds; ++fold) {
    of_fold.push_back({cross_products(bases, bases, first_of(fold), first_of(fold + 1), options.threads),
                       cross_products(bases, targets, first_of(fold), first_of(fold + 1), options.threads)});
    add(all.gram, of_fold.back().gram, 1);
    add(all.targets, of_fold.back().targets, 1);
  }
  Matrix out(rows, outputs);
  const auto score_fold = [&](std::size_t fold) {
    Sums others = all;
    add(others.gram, of_fold[fold].gram, -1);
    add(others.targets, of_fold[fold].targets, -1);
    const Matrix weights = fitted(std::move(others), bases.columns(), outputs, options.ridge);
    std::vector<std::size_t> held_out(first_of(fold + 1) - first_of(fold));
    std::iota(held_out.begin(), held_out.end(), first_of(fold));
    const Matrix scores = product(bases.pick_rows(held_out), weights, 1);
    for (std::size_t i = 0; i < held_out.size(); ++i)
      std::ranges::copy(scores.row(i), out.row(order[held_out[i]]).begin());
  };
  parallel_for(options.folds, score_fold, options.threads);
  return out;
}

}  // namespace sallyport::learn
