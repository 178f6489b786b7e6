// Whether two samples of a column, or of whole rows, come from one distribution.
//
// A column: Kolmogorov and Smirnov's statistic, Wasserstein's first distance, and the population stability
// index over the deciles of the reference, whose usual threshold of .1 cries wolf on small samples (84 % at
// n = 100): here its null distribution is simulated below kExactRows rows and chi-squared above (Yurdakul
// 2018). Rows: the maximum mean discrepancy under a Gaussian kernel with a permutation test (Gretton et al.,
// JMLR 13, 2012). Missing values are left out. Deterministic, safe from any thread. Sorting is by radix:
// 1,000,000 against 1,000,000 values take less than a tenth of a second.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "learn/matrix.h"

namespace sallyport::learn {

inline constexpr std::size_t kExactRows = 2000;

struct ColumnDrift {
  std::size_t n = 0;  // values that are present
  std::size_t reference_n = 0;
  double ks = 0;
  double ks_p = 1;
  double wasserstein = 0;
  double psi = 0;
  double psi_p = 1;
  // Of either test being so extreme without drift: twice the smaller p (Bonferroni).
  double p = 1;
};

// Ascending, without NaN. Negative zero comes before zero.
std::vector<double> sorted_values(std::span<const double> values);
ColumnDrift column_drift(std::span<const double> values, std::span<const double> reference);
// The same of what sorted_values made.
ColumnDrift sorted_drift(const std::vector<double>& values, const std::vector<double>& reference);
// The same for values that have no order: `ks` is the total variation, `wasserstein` is 0, `p` is
// chi-squared's, with rare values (expected fewer than five times) taken together.
ColumnDrift category_drift(std::span<const std::string> values, std::span<const std::string> reference);

// The probability of a population stability index of at least `psi` without drift.
double psi_p_value(double psi, std::size_t n, std::size_t reference_n, std::size_t bins);

struct RowDrift {
  double mmd_squared = 0;  // the biased estimate
  double p = 1;            // (1 + permutations at least as extreme) / (1 + permutations)
  std::size_t n = 0;
  std::size_t reference_n = 0;
};
// Both have at least one row and the same columns.
RowDrift row_drift(const Matrix& rows, const Matrix& reference, std::size_t permutations = 100,
                   std::uint64_t seed = 1, unsigned threads = 0);

}  // namespace sallyport::learn
