#include "learn/out_of_fold.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <numeric>

#include "core/parallel.h"
#include "learn/lanes.h"
#include "learn/product.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

// scale * cos(angle + phase), as exact as the angle is: the C library's takes ten times as long. Whole turns
// come off by adding and taking away 1.5 * 2^23, which rounds; what is left is the sine of what lacks to a
// quarter turn, by its series.
__attribute__((target_clones("avx2", "default"))) void waves(const float* angles, const float* phases,
                                                             float scale, std::size_t size, float* out) {
  constexpr float kTurn = static_cast<float>(0.5 / std::numbers::pi);
  constexpr float kRound = 12582912;
  constexpr float kRadians = static_cast<float>(2 * std::numbers::pi);
  for (std::size_t at = 0; at < size; at += kLanes) {
    const std::size_t bytes = std::min(kLanes, size - at) * sizeof(float);
    Lanes turns{};
    Lanes phase{};
    __builtin_memcpy(&turns, angles + at, bytes);
    __builtin_memcpy(&phase, phases + at, bytes);
    turns = (turns + phase) * kTurn;
    turns -= (turns + kRound) - kRound;
    // Only of angles beyond 2^22 turns, where single precision knows no phase, is more left than half a turn.
    turns = turns > 0.5F ? Lanes{} : turns;
    turns = turns < -0.5F ? Lanes{} : turns;
    const Lanes lacking = (0.25F - (turns < 0.0F ? -turns : turns)) * kRadians;
    const Lanes square = lacking * lacking;
    Lanes series = 1.0F - square * (1 / 110.0F);
    series = 1.0F - square * (1 / 72.0F) * series;
    series = 1.0F - square * (1 / 42.0F) * series;
    series = 1.0F - square * (1 / 20.0F) * series;
    series = 1.0F - square * (1 / 6.0F) * series;
    const Lanes made = scale * lacking * series;
    __builtin_memcpy(out + at, &made, bytes);
  }
}

// cos(x w + b) for random w and b; one more feature that is 1 takes the place of an intercept.
class Fourier {
 public:
  Fourier(const Matrix& features, const OutOfFoldOptions& options)
      : directions_(features.columns(), options.bases), phases_(options.bases), threads_(options.threads) {
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
    for (float& value : directions_.values()) value = static_cast<float>(random.normal() * width);
    for (float& phase : phases_) phase = static_cast<float>(random.uniform() * 2 * std::numbers::pi);
  }

  std::size_t columns() const { return phases_.size() + 1; }
  Matrix of(const Matrix& rows) const {
    const Matrix angles = product(rows, directions_, threads_);
    Matrix out(rows.rows(), columns());
    const float scale = std::sqrt(2.0F / static_cast<float>(phases_.size()));
    parallel_for(
        rows.rows(),
        [&](std::size_t r) {
          waves(angles.row(r).data(), phases_.data(), scale, phases_.size(), out.row(r).data());
          out.row(r)[phases_.size()] = 1;
        },
        threads_);
    return out;
  }

 private:
  Matrix directions_;
  std::vector<float> phases_;
  unsigned threads_;
};

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
  // Row by row of b, which is how it lies in memory: there may be as many columns as classes.
  const auto take = [&](std::size_t from, double factor, std::size_t to) {
    for (std::size_t c = 0; c < columns; ++c) b[to * columns + c] -= factor * b[from * columns + c];
  };
  const auto divide = [&](std::size_t i) {
    for (std::size_t c = 0; c < columns; ++c) b[i * columns + c] /= a[i * n + i];
  };
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t k = 0; k < i; ++k) take(k, a[i * n + k], i);
    divide(i);
  }
  for (std::size_t i = n; i-- > 0;) {
    divide(i);
    for (std::size_t k = 0; k < i; ++k) take(i, a[i * n + k], k);
  }
}

// Bases are made twice, for the sums and for the scores, so that only those of one part are ever in memory.
constexpr std::size_t kRowsInPart = 8192;

struct Sums {
  std::vector<double> gram;
  std::vector<double> targets;  // of each base, a column a class
};

void add(std::vector<double>& to, const std::vector<double>& from, double factor) {
  for (std::size_t i = 0; i < to.size(); ++i) to[i] += factor * from[i];
}

// The product of the bases with the classes' indicators: the bases of the rows of each class, added up.
void add_targets(const Matrix& bases, std::span<const std::size_t> rows, const Classes& classes,
                 unsigned threads, std::vector<double>& targets) {
  constexpr std::size_t kBasesTogether = 128;
  const std::size_t outputs = classes.names.size();
  parallel_for((bases.columns() + kBasesTogether - 1) / kBasesTogether,
               [&](std::size_t block) {
                 const std::size_t begin = block * kBasesTogether;
                 const std::size_t end = std::min(bases.columns(), begin + kBasesTogether);
                 for (std::size_t i = 0; i < rows.size(); ++i) {
                   double* to = targets.data() + classes.of_row[rows[i]];
                   for (std::size_t j = begin; j < end; ++j)
                     to[j * outputs] += static_cast<double>(bases.at(i, j));
                 }
               },
               threads);
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
  const Fourier fourier(features, options);
  const std::size_t columns = fourier.columns();
  const auto first_of = [&](std::size_t fold) { return rows * fold / options.folds; };
  std::size_t done = 0;  // each row twice
  // Calls each(rows, their bases) for one part of the fold after the other.
  const auto parts_of = [&](std::size_t fold, const auto& each) {
    for (std::size_t begin = first_of(fold); begin < first_of(fold + 1); begin += kRowsInPart) {
      const std::size_t count = std::min(kRowsInPart, first_of(fold + 1) - begin);
      const std::span<const std::size_t> part = std::span(order).subspan(begin, count);
      each(part, fourier.of(features.pick_rows(part)));
      done += count;
      if (options.on_share) options.on_share(static_cast<double>(done) / static_cast<double>(2 * rows));
    }
  };
  std::vector<Sums> of_fold;
  Sums all{std::vector<double>(columns * columns), std::vector<double>(columns * outputs)};
  for (std::size_t fold = 0; fold < options.folds; ++fold) {
    Sums sums{std::vector<double>(columns * columns), std::vector<double>(columns * outputs)};
    parts_of(fold, [&](std::span<const std::size_t> part, const Matrix& bases) {
      add(sums.gram, cross_products(bases, bases, 0, part.size(), options.threads), 1);
      add_targets(bases, part, classes, options.threads, sums.targets);
    });
    add(all.gram, sums.gram, 1);
    add(all.targets, sums.targets, 1);
    of_fold.push_back(std::move(sums));
  }
  std::vector<Matrix> weights(options.folds);
  parallel_for(
      options.folds,
      [&](std::size_t fold) {
        Sums others = all;
        add(others.gram, of_fold[fold].gram, -1);
        add(others.targets, of_fold[fold].targets, -1);
        weights[fold] = fitted(std::move(others), columns, outputs, options.ridge);
      },
      options.threads);
  Matrix out(rows, outputs);
  for (std::size_t fold = 0; fold < options.folds; ++fold) {
    parts_of(fold, [&](std::span<const std::size_t> part, const Matrix& bases) {
      const Matrix scores = product(bases, weights[fold], options.threads);
      for (std::size_t i = 0; i < part.size(); ++i)
        std::ranges::copy(scores.row(i), out.row(part[i]).begin());
    });
  }
  return out;
}

}  // namespace sallyport::learn
