#include "learn/contrast.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <optional>
#include <string>

#include "core/parallel.h"
#include "learn/pca.h"
#include "learn/product.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kBlock = 8;  // directions that are sought together, which is one vector of doubles
constexpr int kIterations = 24;
constexpr std::size_t kClassRowsMin = 3;
constexpr std::size_t kOthersMax = 4000;  // rows of other classes whose spread is measured
constexpr double kDistanceMin = 12;       // robust deviations, of a group's middle
constexpr double kMinority = 0.45;        // of a class, at most; a median knows no larger group
constexpr double kSpread = 0.5;           // of its distance, at most, on either side of its middle
constexpr double kGap = 0.1;              // of its rows, at most as many in the gap in front of it
constexpr double kBeyond = 0.1;           // of its rows, at most as many farther out than it reaches
constexpr double kOneSided = 0.3;         // of its rows, at most as many as far out on the other side

using Doubles = double __attribute__((vector_size(32)));
constexpr std::size_t kDoubles = 4;
static_assert(kBlock == 2 * kDoubles);
// The same in memory, wherever it stands.
using Loose = double __attribute__((vector_size(32), aligned(8), may_alias));

// Vectors side by side: the component i of all of them stands at [i * kBlock, (i + 1) * kBlock).
struct Block {
  explicit Block(std::size_t n = 0) : values(n * kBlock) {}

  std::size_t size() const { return values.size() / kBlock; }
  double* row(std::size_t i) { return values.data() + i * kBlock; }
  const double* row(std::size_t i) const { return values.data() + i * kBlock; }

  std::vector<double> values;
};

// AVX2 halves the instructions and changes no bit: it has no fused multiply-add.
__attribute__((target_clones("avx2", "default"))) double dot(const double* x, const double* y,
                                                             std::size_t size) {
  Doubles first{};
  Doubles second{};
  std::size_t k = 0;
  for (; k + kBlock <= size; k += kBlock) {
    first += *reinterpret_cast<const Loose*>(x + k) * *reinterpret_cast<const Loose*>(y + k);
    second +=
        *reinterpret_cast<const Loose*>(x + k + kDoubles) * *reinterpret_cast<const Loose*>(y + k + kDoubles);
  }
  double out = 0;
  for (; k < size; ++k) out += x[k] * y[k];
  first += second;
  for (std::size_t i = 0; i < kDoubles; ++i) out += first[i];
  return out;
}

// Adds factors[k] times the row k of a block, for k < size, to `to`: even and odd rows apart, since a sum
// waits for the one before it.
__attribute__((target_clones("avx2", "default"))) void gather(const double* factors, const double* rows,
                                                              std::size_t size, double* to) {
  Doubles low[2] = {};
  Doubles high[2] = {};
  std::size_t k = 0;
  for (; k + 1 < size; k += 2) {
    const auto* row = reinterpret_cast<const Loose*>(rows + k * kBlock);
    low[0] += factors[k] * row[0];
    high[0] += factors[k] * row[1];
    low[1] += factors[k + 1] * row[2];
    high[1] += factors[k + 1] * row[3];
  }
  if (k < size) {
    const auto* row = reinterpret_cast<const Loose*>(rows + k * kBlock);
    low[0] += factors[k] * row[0];
    high[0] += factors[k] * row[1];
  }
  auto* out = reinterpret_cast<Loose*>(to);
  out[0] += low[0] + low[1];
  out[1] += high[0] + high[1];
}

// Adds factors[k] times `from` to the row k of a block, for k < size.
__attribute__((target_clones("avx2", "default"))) void scatter(const double* factors, const double* from,
                                                               std::size_t size, double* rows) {
  const Doubles low = reinterpret_cast<const Loose*>(from)[0];
  const Doubles high = reinterpret_cast<const Loose*>(from)[1];
  for (std::size_t k = 0; k < size; ++k) {
    auto* row = reinterpret_cast<Loose*>(rows + k * kBlock);
    row[0] += factors[k] * low;
    row[1] += factors[k] * high;
  }
}

// L of a = L L', in place of the lower half. The ridge makes the matrix positive definite.
void decompose(std::vector<double>& a, std::size_t n, unsigned threads) {
  constexpr std::size_t kTogetherRows = 64;
  for (std::size_t begin = 0; begin < n; begin += kTogetherRows) {
    const std::size_t end = std::min(n, begin + kTogetherRows);
    // The block's own triangle first; the rows below it are then independent of one another.
    const auto finish = [&](std::size_t i, std::size_t last) {
      for (std::size_t j = begin; j < last; ++j)
        a[i * n + j] = (a[i * n + j] - dot(&a[i * n], &a[j * n], j)) / a[j * n + j];
    };
    for (std::size_t i = begin; i < end; ++i) {
      finish(i, i);
      a[i * n + i] = std::sqrt(std::max(a[i * n + i] - dot(&a[i * n], &a[i * n], i), 1e-300));
    }
    parallel_for(
        n - end, [&](std::size_t i) { finish(end + i, end); }, threads);
  }
}

void solve_lower(const std::vector<double>& lower, Block& b) {
  const std::size_t n = b.size();
  for (std::size_t i = 0; i < n; ++i) {
    std::array<double, kBlock> sum{};
    gather(&lower[i * n], b.row(0), i, sum.data());
    for (std::size_t c = 0; c < kBlock; ++c) b.row(i)[c] = (b.row(i)[c] - sum[c]) / lower[i * n + i];
  }
}

void solve_upper(const std::vector<double>& lower, Block& b) {
  const std::size_t n = b.size();
  for (std::size_t i = n; i-- > 0;) {
    std::array<double, kBlock> less;
    for (std::size_t c = 0; c < kBlock; ++c) {
      b.row(i)[c] /= lower[i * n + i];
      less[c] = -b.row(i)[c];
    }
    scatter(&lower[i * n], less.data(), i, b.row(0));
  }
}

void orthonormalise(Block& b) {
  for (std::size_t c = 0; c < kBlock; ++c) {
    for (int pass = 0; pass < 2; ++pass) {
      std::array<double, kBlock> along{};
      for (std::size_t i = 0; i < b.size(); ++i) {
        for (std::size_t other = 0; other < c; ++other) along[other] += b.row(i)[other] * b.row(i)[c];
      }
      for (std::size_t i = 0; i < b.size(); ++i) {
        for (std::size_t other = 0; other < c; ++other) b.row(i)[c] -= along[other] * b.row(i)[other];
      }
    }
    double square = 0;
    for (std::size_t i = 0; i < b.size(); ++i) square += b.row(i)[c] * b.row(i)[c];
    const double factor = square > 1e-200 ? 1 / std::sqrt(square) : 0;
    for (std::size_t i = 0; i < b.size(); ++i) b.row(i)[c] *= factor;
  }
}

Block times(const std::vector<double>& matrix, const Block& b) {
  Block out(b.size());
  for (std::size_t i = 0; i < b.size(); ++i) gather(&matrix[i * b.size()], b.row(0), b.size(), out.row(i));
  return out;
}

struct Directions {
  Matrix along;                  // one column a direction, for rows as they are
  std::vector<double> contrast;  // one each
};

// The leading eigenvectors of inverse(L) scatter inverse(L)', by subspace iteration from a fixed start.
Directions leading(const std::vector<double>& scatter, const std::vector<double>& lower, std::size_t n,
                   std::size_t count) {
  Block basis(n);
  Random random(0x5ca1ab1e);
  for (double& value : basis.values) value = random.normal();
  Block unfolded;
  Block image;
  for (int iteration = 0; iteration <= kIterations; ++iteration) {
    orthonormalise(basis);
    unfolded = basis;
    solve_upper(lower, unfolded);
    image = times(scatter, unfolded);
    solve_lower(lower, image);
    if (iteration < kIterations) basis = image;
  }
  std::vector<double> small(kBlock * kBlock);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t a = 0; a < kBlock; ++a) {
      for (std::size_t b = 0; b < kBlock; ++b)
        small[a * kBlock + b] += (basis.row(i)[a] * image.row(i)[b] + basis.row(i)[b] * image.row(i)[a]) / 2;
    }
  }
  const Eigen eigen = symmetric_eigen(std::move(small), kBlock);
  Directions out{.along = Matrix(n, std::min(count, kBlock)), .contrast = {}};
  for (std::size_t d = 0; d < out.along.columns(); ++d) {
    out.contrast.push_back(eigen.values[d]);
    for (std::size_t i = 0; i < n; ++i) {
      double sum = 0;
      for (std::size_t c = 0; c < kBlock; ++c) sum += eigen.vectors[d][c] * unfolded.row(i)[c];
      out.along.row(i)[d] = static_cast<float>(sum);
    }
  }
  return out;
}

// How many robust deviations each value stands from the median; the side of the heavier tail is positive.
std::vector<double> deviations(const std::vector<double>& values, const std::vector<double>& others) {
  const double middle = median(values);
  const double unit = std::max(
      {median_absolute_deviation(values), median_absolute_deviation(others), 1e-9 * std::abs(middle), 1e-30});
  std::vector<double> out;
  double skew = 0;
  for (const double value : values) {
    out.push_back((value - middle) / unit);
    skew += std::pow(out.back(), 3);
  }
  if (skew < 0) {
    for (double& value : out) value = -value;
  }
  return out;
}

// The rows of a minority that stands together behind a gap, when there is one. Every far row is tried as the
// middle of a group, so that a tail between the class and the group hides none; of several the largest.
std::optional<PlantedGroup> group_in(const std::vector<double>& deviation, std::size_t group_min) {
  std::vector<double> sorted = deviation;
  std::ranges::sort(sorted);
  const auto below = [&](double value) {
    return static_cast<double>(std::ranges::lower_bound(sorted, value) - sorted.begin());
  };
  const double all = static_cast<double>(sorted.size());
  double middle = 0;
  double most = static_cast<double>(group_min) - 1;
  for (std::size_t i = sorted.size(); i-- > 0 && sorted[i] >= kDistanceMin;) {
    const double low = (1 - kSpread) * sorted[i];
    const double above = all - below((1 + kSpread) * sorted[i]);
    const double size = all - above - below(low);
    const double gap = below(low) - below(low / 2);
    if (size <= most || size > kMinority * all || gap > kGap * size || above > kBeyond * size ||
        below(-low) > kOneSided * size)
      continue;
    middle = sorted[i];
    most = size;
  }
  if (middle == 0) return std::nullopt;
  PlantedGroup out;
  std::vector<double> distances;
  for (std::size_t r = 0; r < deviation.size(); ++r) {
    if (deviation[r] < (1 - kSpread) * middle || deviation[r] >= (1 + kSpread) * middle) continue;
    out.rows.push_back(static_cast<std::uint32_t>(r));
    distances.push_back(deviation[r]);
  }
  out.distance = median(distances);
  return out;
}

struct Sorted {
  std::vector<std::size_t> order;  // rows by class
  std::vector<std::size_t> begin;  // of each class in that order, and the end of the last
};

Sorted by_class(const Classes& classes) {
  Sorted out;
  out.order.resize(classes.of_row.size());
  std::iota(out.order.begin(), out.order.end(), std::size_t{0});
  std::ranges::stable_sort(out.order, {}, [&](std::size_t row) { return classes.of_row[row]; });
  out.begin.push_back(0);
  for (const std::uint64_t count : classes.counts())
    out.begin.push_back(out.begin.back() + static_cast<std::size_t>(count));
  return out;
}

// Rows [begin, end) relative to their mean.
void centre(Matrix& rows, std::size_t begin, std::size_t end) {
  std::vector<double> sums(rows.columns());
  for (std::size_t r = begin; r < end; ++r) {
    for (std::size_t j = 0; j < sums.size(); ++j) sums[j] += static_cast<double>(rows.at(r, j));
  }
  for (double& sum : sums) sum /= static_cast<double>(end - begin);
  for (std::size_t r = begin; r < end; ++r) {
    for (std::size_t j = 0; j < sums.size(); ++j) rows.row(r)[j] -= static_cast<float>(sums[j]);
  }
}

std::vector<double> column_of(const Matrix& matrix, std::size_t column) {
  std::vector<double> out;
  out.reserve(matrix.rows());
  for (std::size_t r = 0; r < matrix.rows(); ++r) out.push_back(static_cast<double>(matrix.at(r, column)));
  return out;
}

std::vector<std::size_t> rows_outside(std::size_t rows, std::size_t begin, std::size_t end) {
  const std::size_t all = rows - (end - begin);
  const std::size_t step = std::max<std::size_t>(1, all / kOthersMax);
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < all; i += step) out.push_back(i < begin ? i : i + (end - begin));
  return out;
}

struct Pooled {
  const Matrix& rows;                // by class, each relative to its class' mean
  const std::vector<double>& lower;  // Cholesky's factor of their scatter
  const Sorted& sorted;
};

// Looks along the directions of one class and adds to the scores and groups.
void look_at_class(const Pooled& pooled, std::size_t of_class, const ContrastOptions& options,
                   ContrastRanking& out) {
  const auto& [rows, lower, sorted] = pooled;
  const std::size_t begin = sorted.begin[of_class];
  const std::size_t end = sorted.begin[of_class + 1];
  const std::size_t n = rows.rows();
  if (end - begin < kClassRowsMin || end - begin == n) return;
  const Directions found = leading(cross_products(rows, rows, begin, end, options.threads), lower,
                                   rows.columns(), options.directions);
  std::vector<std::size_t> own(end - begin);
  std::iota(own.begin(), own.end(), begin);
  const Matrix here = product(rows.pick_rows(own), found.along, options.threads);
  const Matrix there = product(rows.pick_rows(rows_outside(n, begin, end)), found.along, options.threads);
  for (std::size_t k = 0; k < found.contrast.size(); ++k) {
    const std::vector<double> deviation = deviations(column_of(here, k), column_of(there, k));
    for (std::size_t i = 0; i < deviation.size(); ++i) {
      double& score = out.score[sorted.order[begin + i]];
      score = std::max(score, deviation[i]);
    }
    std::optional<PlantedGroup> group = group_in(deviation, options.group_min);
    if (!group) continue;
    group->of_class = static_cast<std::uint32_t>(of_class);
    group->contrast = found.contrast[k] * static_cast<double>(n) / static_cast<double>(end - begin);
    for (std::uint32_t& row : group->rows) row = static_cast<std::uint32_t>(sorted.order[begin + row]);
    out.groups.push_back(std::move(*group));
  }
}

}  // namespace

Result<ContrastRanking> rank_by_contrast(const Matrix& features, const Classes& classes,
                                         const ContrastOptions& options) {
  const std::size_t n = features.rows();
  const std::size_t d = features.columns();
  if (classes.names.size() < 2 || n == 0 || d == 0) return invalid("contrast: fewer than two classes");
  if (d > kContrastFeaturesMax) {
    return fail(ErrorKind::kLimit, "contrast: more than kContrastFeaturesMax features");
  }
  SP_CHECK(classes.of_row.size() == n);
  ContrastRanking out{.score = std::vector<double>(n)};
  const Sorted sorted = by_class(classes);
  Matrix rows = features.pick_rows(sorted.order);
  for (std::size_t c = 0; c < classes.names.size(); ++c) centre(rows, sorted.begin[c], sorted.begin[c + 1]);
  std::vector<double> lower = cross_products(rows, rows, 0, n, options.threads);
  double trace = 0;
  for (std::size_t i = 0; i < d; ++i) trace += lower[i * d + i];
  if (trace <= 0) return out;
  for (std::size_t i = 0; i < d; ++i) lower[i * d + i] += options.ridge * trace / static_cast<double>(d);
  decompose(lower, d, options.threads);
  for (std::size_t c = 0; c < classes.names.size(); ++c)
    look_at_class({rows, lower, sorted}, c, options, out);
  std::ranges::stable_sort(out.groups, std::greater<>(), &PlantedGroup::distance);
  return out;
}

}  // namespace sallyport::learn
