#include "learn/drift.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <numeric>

#include "core/parallel.h"
#include "learn/product.h"
#include "learn/random.h"
#include "learn/statistics.h"

namespace sallyport::learn {
namespace {

constexpr std::size_t kBins = 10;
constexpr int kDigitBits = 11;
constexpr int kSortedBits = 33;  // by digits, counted from the first bit in which the values differ
constexpr std::size_t kBuckets = std::size_t{1} << kDigitBits;
constexpr std::size_t kSimulations = 4000;
constexpr double kExpectedMin = 5;

// Bits whose order as numbers is the order of the values.
std::uint64_t ordered_bits(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits ^ ((bits >> 63) != 0 ? ~std::uint64_t{0} : std::uint64_t{1} << 63);
}

double from_ordered_bits(std::uint64_t bits) {
  return std::bit_cast<double>(bits ^ ((bits >> 63) != 0 ? std::uint64_t{1} << 63 : ~std::uint64_t{0}));
}

using Keys = std::vector<std::uint64_t>;

// By digits of the first bits that differ, the least first; what those leave undecided is next to nothing
// where values are spread, and is sorted by comparing. `other` is room for as many.
void sort_keys(Keys& keys, Keys& other) {
  const auto [low, high] = std::ranges::minmax(keys);
  const auto width = static_cast<int>(std::bit_width(low ^ high));
  const int shift = std::max(0, width - kSortedBits);
  const auto digit_of = [shift](std::uint64_t key, std::size_t digit) {
    return (key >> shift >> (digit * kDigitBits)) & (kBuckets - 1);
  };
  const auto digits = static_cast<std::size_t>((width - shift + kDigitBits - 1) / kDigitBits);
  std::vector<std::array<std::uint32_t, kBuckets>> counts(digits);
  for (const std::uint64_t key : keys) {
    for (std::size_t d = 0; d < digits; ++d) ++counts[d][digit_of(key, d)];
  }
  other.resize(keys.size());
  for (std::size_t d = 0; d < digits; ++d) {
    if (counts[d][digit_of(keys.front(), d)] == keys.size()) continue;
    std::exclusive_scan(counts[d].begin(), counts[d].end(), counts[d].begin(), 0U);
    for (const std::uint64_t key : keys) other[counts[d][digit_of(key, d)]++] = key;
    keys.swap(other);
  }
  for (std::size_t begin = 0; shift > 0 && begin < keys.size();) {
    std::size_t end = begin + 1;
    while (end < keys.size() && keys[end] >> shift == keys[begin] >> shift) ++end;
    if (end > begin + 1) std::sort(keys.data() + begin, keys.data() + end);
    begin = end;
  }
}

// A stretch of two sorted columns, merged without branches: Kolmogorov's statistic and Wasserstein's distance
// both look at how far apart the two distribution functions are between one value and the next.
struct Stretch {
  const double* a;
  const double* a_end;
  const double* b;
  const double* b_end;
  double before_a;  // values of the whole column before `a`
  double before_b;
  double at;  // the value before
  double ks = 0;
  double wasserstein = 0;

  bool has_both() const { return a != a_end && b != b_end; }
  bool has_any() const { return a != a_end || b != b_end; }
  void take(double next, bool from_a, bool from_b, double step_a, double step_b) {
    const double apart = std::abs(before_a * step_a - before_b * step_b);
    ks = next > at ? std::max(ks, apart) : ks;
    wasserstein += apart * (next - at);
    at = next;
    a += from_a ? 1 : 0;
    b += from_b ? 1 : 0;
    before_a += from_a ? 1.0 : 0.0;
    before_b += from_b ? 1.0 : 0.0;
  }
  void step(double step_a, double step_b) {
    const double next = std::min(*a, *b);
    take(next, *a <= next, *b <= next, step_a, step_b);
  }
  // Where one of the two may have ended.
  void last_step(double step_a, double step_b) {
    const double next = a == a_end ? *b : b == b_end ? *a : std::min(*a, *b);
    take(next, a != a_end && *a <= next, b != b_end && *b <= next, step_a, step_b);
  }
};

// Each step waits for the one before, so that four stretches side by side take little longer than one.
void compare_sorted(const std::vector<double>& a, const std::vector<double>& b, ColumnDrift& out) {
  constexpr std::size_t kStretches = 4;
  const double step_a = 1 / static_cast<double>(a.size());
  const double step_b = 1 / static_cast<double>(b.size());
  std::array<Stretch, kStretches> stretches;
  const double* from_a = a.data();
  const double* from_b = b.data();
  double at = std::min(a.front(), b.front());
  for (std::size_t k = 0; k < kStretches; ++k) {
    const bool last = k + 1 == kStretches;
    const double* const end_a = a.data() + a.size();
    const double* const end_b = b.data() + b.size();
    const double cut = a[last ? 0 : a.size() * (k + 1) / kStretches];
    const double* const to_a = last ? end_a : std::lower_bound(from_a, end_a, cut);
    const double* const to_b = last ? end_b : std::lower_bound(from_b, end_b, cut);
    stretches[k] = {.a = from_a,
                    .a_end = to_a,
                    .b = from_b,
                    .b_end = to_b,
                    .before_a = static_cast<double>(from_a - a.data()),
                    .before_b = static_cast<double>(from_b - b.data()),
                    .at = at};
    if (to_a != a.data()) at = std::max(at, to_a[-1]);
    if (to_b != b.data()) at = std::max(at, to_b[-1]);
    from_a = to_a;
    from_b = to_b;
  }
  while (std::ranges::all_of(stretches, &Stretch::has_both)) {
    for (Stretch& stretch : stretches) stretch.step(step_a, step_b);
  }
  for (Stretch& stretch : stretches) {
    while (stretch.has_any()) stretch.last_step(step_a, step_b);
    out.ks = std::max(out.ks, stretch.ks);
    out.wasserstein += stretch.wasserstein;
  }
}

double psi_of(std::span<const double> counts, std::span<const double> reference) {
  const double n = std::accumulate(counts.begin(), counts.end(), 0.0);
  const double m = std::accumulate(reference.begin(), reference.end(), 0.0);
  const double bins = static_cast<double>(counts.size());
  double out = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    // Half a row more in each bin keeps an empty one finite.
    const double p = (counts[i] + 0.5) / (n + 0.5 * bins);
    const double q = (reference[i] + 0.5) / (m + 0.5 * bins);
    out += (p - q) * std::log(p / q);
  }
  return out;
}

// Counts between the deciles of the reference; equal deciles are one.
struct Binned {
  std::vector<double> counts;
  std::vector<double> reference;
};
Binned binned(const std::vector<double>& values, const std::vector<double>& reference) {
  std::vector<double> edges;
  for (std::size_t i = 1; i < kBins; ++i) edges.push_back(reference[reference.size() * i / kBins]);
  edges.erase(std::unique(edges.begin(), edges.end()), edges.end());
  if (edges.front() == reference.front() && edges.size() > 1) edges.erase(edges.begin());
  Binned out;
  const auto count = [&](const std::vector<double>& sorted) {
    std::vector<double> counts;
    auto from = sorted.begin();
    for (const double edge : edges) {
      const auto to = std::lower_bound(from, sorted.end(), edge);
      counts.push_back(static_cast<double>(to - from));
      from = to;
    }
    counts.push_back(static_cast<double>(sorted.end() - from));
    return counts;
  };
  out.counts = count(values);
  out.reference = count(reference);
  return out;
}

// A gamma variate of shape >= 1 (Marsaglia and Tsang 2000).
double gamma_variate(double shape, Random& random) {
  const double d = shape - 1.0 / 3;
  const double c = 1 / std::sqrt(9 * d);
  while (true) {
    const double x = random.normal();
    const double v = std::pow(1 + c * x, 3);
    if (v > 0 && std::log(1 - random.uniform()) < x * x / 2 + d - d * v + d * std::log(v)) return d * v;
  }
}

// Deciles of a sample hold shares of the truth that vary as a Dirichlet variate does.
std::vector<double> simulate_psi(std::size_t n, std::size_t m, std::size_t bins) {
  Random random(derive_seed(n * 1'000'003 + m, bins));
  std::vector<double> out;
  std::vector<double> upper(bins);
  const std::vector<double> reference(bins, static_cast<double>(m) / static_cast<double>(bins));
  for (std::size_t draw = 0; draw < kSimulations; ++draw) {
    double sum = 0;
    for (double& edge : upper) edge = sum += gamma_variate(std::max(1.0, reference.front()), random);
    std::vector<double> counts(bins);
    for (std::size_t i = 0; i < n; ++i) {
      const double u = random.uniform() * sum;
      ++counts[std::min<std::size_t>(
          static_cast<std::size_t>(std::lower_bound(upper.begin(), upper.end(), u) - upper.begin()),
          bins - 1)];
    }
    out.push_back(psi_of(counts, reference));
  }
  std::ranges::sort(out);
  return out;
}

// All columns of a table ask for the same one.
const std::vector<double>& null_of_psi(std::size_t n, std::size_t m, std::size_t bins) {
  static std::mutex mutex;
  static std::map<std::array<std::size_t, 3>, std::vector<double>> known;
  const std::scoped_lock lock(mutex);
  std::vector<double>& out = known[{n, m, bins}];
  if (out.empty()) out = simulate_psi(n, m, bins);
  return out;
}

// Gaussian, as wide as the median distance of two rows.
Matrix kernel_of(const Matrix& rows, std::uint64_t seed, unsigned threads) {
  const std::size_t all = rows.rows();
  Matrix columns(rows.columns(), all);
  for (std::size_t i = 0; i < all; ++i) {
    for (std::size_t j = 0; j < rows.columns(); ++j) columns.row(j)[i] = rows.at(i, j);
  }
  const std::vector<double> products = cross_products(columns, columns, 0, columns.rows(), threads);
  const auto squared = [&](std::size_t i, std::size_t j) {
    return std::max(0.0, products[i * all + i] + products[j * all + j] - 2 * products[i * all + j]);
  };
  Random random(derive_seed(seed, 1));
  std::vector<double> sample;
  constexpr std::size_t kPairs = 2000;
  for (std::size_t i = 0; i < kPairs; ++i) {
    const std::size_t one = random.below(all);
    sample.push_back(squared(one, random.below(all)));
  }
  const double scale = -1 / std::max(median(sample), 1e-30);
  Matrix out(all, all);
  for (std::size_t i = 0; i < all; ++i) {
    for (std::size_t j = 0; j < i; ++j) out.row(i)[j] = std::exp(static_cast<float>(scale * squared(i, j)));
    out.row(i)[i] = 1;
  }
  for (std::size_t i = 0; i < all; ++i) {
    for (std::size_t j = i + 1; j < all; ++j) out.row(i)[j] = out.at(j, i);
  }
  return out;
}

}  // namespace

std::vector<double> sorted_values(std::span<const double> values) {
  // Kept from one column to the next: fresh memory costs as much as a pass over it.
  constexpr std::size_t kKeptMax = std::size_t{4} << 20;
  thread_local Keys keys;
  thread_local Keys other;
  keys.clear();
  keys.reserve(values.size());
  for (const double value : values) {
    if (!std::isnan(value)) keys.push_back(ordered_bits(value));
  }
  std::vector<double> out(keys.size());
  constexpr std::size_t kSmall = 4096;
  if (keys.size() < kSmall) {
    std::ranges::sort(keys);
  } else {
    sort_keys(keys, other);
  }
  std::ranges::transform(keys, out.begin(), from_ordered_bits);
  if (keys.capacity() > kKeptMax) keys = other = Keys();
  return out;
}

double psi_p_value(double psi, std::size_t n, std::size_t reference_n, std::size_t bins) {
  if (bins < 2 || n == 0 || reference_n == 0) return 1;
  if (std::min(n, reference_n) >= kExactRows) {
    const double scale = 1 / static_cast<double>(n) + 1 / static_cast<double>(reference_n);
    return chi_squared_upper_tail(psi / scale, static_cast<double>(bins - 1));
  }
  // Simulation beyond this many rows says the same and takes longer.
  const std::vector<double>& null = null_of_psi(std::min(n, 2 * kExactRows), reference_n, bins);
  const auto below = std::lower_bound(null.begin(), null.end(), psi) - null.begin();
  return (1 + static_cast<double>(null.size()) - static_cast<double>(below)) /
         (1 + static_cast<double>(null.size()));
}

ColumnDrift column_drift(std::span<const double> values, std::span<const double> reference) {
  return sorted_drift(sorted_values(values), sorted_values(reference));
}

ColumnDrift sorted_drift(const std::vector<double>& a, const std::vector<double>& b) {
  ColumnDrift out{.n = a.size(), .reference_n = b.size()};
  if (a.empty() || b.empty()) return out;
  compare_sorted(a, b, out);
  const double root = std::sqrt(static_cast<double>(a.size()) * static_cast<double>(b.size()) /
                                static_cast<double>(a.size() + b.size()));
  // Stephens' correction makes the limiting distribution good from about ten rows on.
  const double t = (root + 0.12 + 0.11 / root) * out.ks;
  double tail = 0;
  for (int k = 1; k <= 100; ++k) tail += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * t * t);
  out.ks_p = t < 0.2 ? 1 : std::clamp(tail, 0.0, 1.0);
  const Binned counts = binned(a, b);
  out.psi = psi_of(counts.counts, counts.reference);
  out.psi_p = psi_p_value(out.psi, a.size(), b.size(), counts.counts.size());
  out.p = std::min(1.0, 2 * std::min(out.ks_p, out.psi_p));
  return out;
}

ColumnDrift category_drift(std::span<const std::string> values, std::span<const std::string> reference) {
  ColumnDrift out{.n = values.size(), .reference_n = reference.size()};
  if (values.empty() || reference.empty()) return out;
  std::map<std::string_view, std::array<std::uint64_t, 2>> counts;
  for (const std::string& value : values) ++counts[value][0];
  for (const std::string& value : reference) ++counts[value][1];
  const double n = static_cast<double>(values.size());
  const double m = static_cast<double>(reference.size());
  std::vector<std::uint64_t> a{0};
  std::vector<std::uint64_t> b{0};
  for (const auto& [value, both] : counts) {
    const double all = static_cast<double>(both[0] + both[1]);
    out.ks += std::abs(static_cast<double>(both[0]) / n - static_cast<double>(both[1]) / m) / 2;
    const bool rare = all * std::min(n, m) / (n + m) < kExpectedMin;
    if (rare) {
      a[0] += both[0];
      b[0] += both[1];
    } else {
      a.push_back(both[0]);
      b.push_back(both[1]);
    }
  }
  out.p = out.ks_p = out.psi_p = a.size() < 2 ? 1 : chi_squared_homogeneity(a, b).p;
  return out;
}

RowDrift row_drift(const Matrix& rows, const Matrix& reference, std::size_t permutations, std::uint64_t seed,
                   unsigned threads) {
  SP_CHECK(rows.columns() == reference.columns() && rows.rows() > 0 && reference.rows() > 0);
  const std::size_t n = rows.rows();
  const std::size_t all = n + reference.rows();
  std::vector<float> values(rows.values().begin(), rows.values().end());
  values.insert(values.end(), reference.values().begin(), reference.values().end());
  const Matrix both(all, rows.columns(), std::move(values));
  const Matrix kernel = kernel_of(both, seed, threads);
  Random random(seed);
  // One column a way of dividing the rows: 1 / n on one side, -1 / m on the other. Then MMD^2 = w' K w.
  Matrix weights(all, permutations + 1);
  std::vector<std::size_t> order(all);
  std::iota(order.begin(), order.end(), std::size_t{0});
  for (std::size_t p = 0; p <= permutations; ++p) {
    if (p > 0) random.shuffle(std::span(order));
    for (std::size_t i = 0; i < all; ++i)
      weights.row(order[i])[p] = i < n ? 1 / static_cast<float>(n) : -1 / static_cast<float>(all - n);
  }
  const Matrix image = product(kernel, weights, threads);
  std::vector<double> statistic(permutations + 1);
  for (std::size_t i = 0; i < all; ++i) {
    for (std::size_t p = 0; p <= permutations; ++p)
      statistic[p] += static_cast<double>(weights.at(i, p)) * static_cast<double>(image.at(i, p));
  }
  const auto extreme = std::count_if(statistic.begin() + 1, statistic.end(),
                                     [&](double value) { return value >= statistic.front(); });
  return {.mmd_squared = statistic.front(),
          .p = (1 + static_cast<double>(extreme)) / (1 + static_cast<double>(permutations)),
          .n = n,
          .reference_n = all - n};
}

}  // namespace sallyport::learn
