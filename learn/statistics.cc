#include "learn/statistics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/result.h"
#include "learn/random.h"

namespace sallyport::learn {

namespace {

double as_double(std::uint64_t n) { return static_cast<double>(n); }

double log_choose(std::uint64_t n, std::uint64_t k) {
  int sign = 0;
  return ::lgamma_r(as_double(n) + 1, &sign) - ::lgamma_r(as_double(k) + 1, &sign) -
         ::lgamma_r(as_double(n - k) + 1, &sign);
}

// The x with I_x(a, b) = p. Bisection, because it cannot fail and 60 halvings exhaust a double.
double beta_quantile(double a, double b, double p) {
  double low = 0;
  double high = 1;
  for (int i = 0; i < 200 && high - low > 1e-15 * high; ++i) {
    const double middle = low + (high - low) / 2;
    (incomplete_beta(a, b, middle) < p ? low : high) = middle;
  }
  return low + (high - low) / 2;
}

std::vector<double> sorted(std::span<const double> values) {
  std::vector<double> copy(values.begin(), values.end());
  std::sort(copy.begin(), copy.end());
  return copy;
}

std::vector<std::size_t> order_of(std::span<const double> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  return order;
}

double chi_squared_statistic(std::span<const std::uint64_t> observed, std::span<const double> probabilities,
                             double total) {
  double statistic = 0;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const double expected = probabilities[i] * total;
    if (expected > 0)
      statistic += (as_double(observed[i]) - expected) * (as_double(observed[i]) - expected) / expected;
  }
  return statistic;
}

}  // namespace

double binomial_upper_tail(std::uint64_t k, std::uint64_t n, double p) {
  SP_CHECK(p >= 0 && p <= 1);
  if (k == 0) return 1;
  if (k > n) return 0;
  return incomplete_beta(as_double(k), as_double(n - k) + 1, p);
}

double binomial_lower_tail(std::uint64_t k, std::uint64_t n, double p) {
  SP_CHECK(p >= 0 && p <= 1);
  if (k >= n) return 1;
  return incomplete_beta(as_double(n - k), as_double(k) + 1, 1 - p);
}

double hypergeometric_upper_tail(std::uint64_t k, std::uint64_t population, std::uint64_t marked,
                                 std::uint64_t drawn) {
  SP_CHECK(marked <= population && drawn <= population);
  const std::uint64_t unmarked = population - marked;
  const std::uint64_t first = std::max(k, drawn > unmarked ? drawn - unmarked : 0);
  const double all = log_choose(population, drawn);
  double sum = 0;
  for (std::uint64_t i = first; i <= std::min(marked, drawn); ++i) {
    sum += std::exp(log_choose(marked, i) + log_choose(unmarked, drawn - i) - all);
  }
  return std::min(1.0, sum);
}

Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  SP_CHECK(successes <= trials && confidence > 0 && confidence < 1);
  if (trials == 0) return {0, 1};
  const double tail = (1 - confidence) / 2;
  const double k = as_double(successes);
  const double n = as_double(trials);
  return {successes == 0 ? 0 : beta_quantile(k, n - k + 1, tail),
          successes == trials ? 1 : beta_quantile(k + 1, n - k, 1 - tail)};
}

Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence) {
  SP_CHECK(successes <= trials && confidence > 0 && confidence < 1);
  if (trials == 0) return {0, 1};
  const double z = normal_quantile(0.5 + confidence / 2);
  const double n = as_double(trials);
  const double p = as_double(successes) / n;
  const double scale = 1 + z * z / n;
  const double centre = (p + z * z / (2 * n)) / scale;
  const double half = z / scale * std::sqrt(p * (1 - p) / n + z * z / (4 * n * n));
  return {successes == 0 ? 0 : std::max(0.0, centre - half),
          successes == trials ? 1 : std::min(1.0, centre + half)};
}

std::uint64_t binomial_critical_count(std::uint64_t trials, double p0, double alpha) {
  std::uint64_t low =
      0;  // the tail falls with k, so the first k whose tail is small enough is found by halving
  std::uint64_t high = trials + 1;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (binomial_upper_tail(middle, trials, p0) <= alpha) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

double binomial_power(std::uint64_t trials, double p0, double p1, double alpha) {
  return binomial_upper_tail(binomial_critical_count(trials, p0, alpha), trials, p1);
}

double chi_squared_upper_tail(double statistic, double degrees) {
  return degrees <= 0 ? 1 : incomplete_gamma_upper(degrees / 2, statistic / 2);
}

ChiSquared chi_squared_fit(std::span<const std::uint64_t> observed, std::span<const double> probabilities) {
  SP_CHECK(observed.size() == probabilities.size());
  const double total = as_double(std::accumulate(observed.begin(), observed.end(), std::uint64_t{0}));
  ChiSquared out{.degrees = -1, .smallest_expected = total};
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (probabilities[i] > 0) {
      out.degrees += 1;
      out.smallest_expected = std::min(out.smallest_expected, probabilities[i] * total);
    } else if (observed[i] > 0) {
      return {.statistic = HUGE_VAL, .degrees = 1, .p = 0};  // what cannot happen has happened
    }
  }
  out.statistic = chi_squared_statistic(observed, probabilities, total);
  out.p = chi_squared_upper_tail(out.statistic, out.degrees);
  return out;
}

ChiSquared chi_squared_homogeneity(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) {
  SP_CHECK(a.size() == b.size());
  const double total_a = as_double(std::accumulate(a.begin(), a.end(), std::uint64_t{0}));
  const double total_b = as_double(std::accumulate(b.begin(), b.end(), std::uint64_t{0}));
  if (total_a == 0 || total_b == 0) return {};
  const double total = total_a + total_b;
  ChiSquared out{.degrees = -1, .smallest_expected = total};
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double both = as_double(a[i] + b[i]);
    if (both == 0) continue;
    out.degrees += 1;
    const double expected_a = both * total_a / total;
    const double expected_b = both * total_b / total;
    const double off = as_double(a[i]) - expected_a;
    out.statistic += off * off / expected_a + off * off / expected_b;
    out.smallest_expected = std::min({out.smallest_expected, expected_a, expected_b});
  }
  out.p = chi_squared_upper_tail(out.statistic, out.degrees);
  return out;
}

double multinomial_p_value(std::span<const std::uint64_t> observed, std::span<const double> probabilities,
                           std::uint64_t draws, std::uint64_t seed) {
  SP_CHECK(observed.size() == probabilities.size());
  const std::uint64_t count = std::accumulate(observed.begin(), observed.end(), std::uint64_t{0});
  const double limit = chi_squared_statistic(observed, probabilities, as_double(count)) * (1 - 1e-12);
  for (std::size_t i = 0; i < observed.size(); ++i) {
    if (probabilities[i] <= 0 && observed[i] > 0) return 1 / as_double(draws + 1);
  }
  std::vector<double> cumulative(probabilities.size());
  std::partial_sum(probabilities.begin(), probabilities.end(), cumulative.begin());
  Random random(seed);
  std::uint64_t extreme = 0;
  std::vector<std::uint64_t> sample(observed.size());
  for (std::uint64_t draw = 0; draw < draws; ++draw) {
    std::fill(sample.begin(), sample.end(), 0);
    for (std::uint64_t i = 0; i < count; ++i) {
      const double u = random.uniform() * cumulative.back();
      ++sample[static_cast<std::size_t>(std::upper_bound(cumulative.begin(), cumulative.end(), u) -
                                        cumulative.begin())];
    }
    if (chi_squared_statistic(sample, probabilities, as_double(count)) >= limit) ++extreme;
  }
  return as_double(extreme + 1) / as_double(draws + 1);
}

KolmogorovSmirnov kolmogorov_smirnov(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return {};
  const std::vector<double> x = sorted(a);
  const std::vector<double> y = sorted(b);
  const double n = as_double(x.size());
  const double m = as_double(y.size());
  KolmogorovSmirnov out;
  std::size_t i = 0;
  std::size_t j = 0;
  while (i < x.size() && j < y.size()) {
    const double value = std::min(x[i], y[j]);
    while (i < x.size() && x[i] == value) ++i;
    while (j < y.size() && y[j] == value) ++j;
    out.statistic = std::max(out.statistic, std::abs(as_double(i) / n - as_double(j) / m));
  }
  const double root = std::sqrt(n * m / (n + m));
  const double lambda = (root + 0.12 + 0.11 / root) * out.statistic;
  if (lambda < 0.2) return out;  // the series oscillates here and the tail is 1 to twelve digits
  double sum = 0;
  for (int k = 1; k <= 100; ++k) sum += (k % 2 == 1 ? 2 : -2) * std::exp(-2.0 * k * k * lambda * lambda);
  out.p = std::clamp(sum, 0.0, 1.0);
  return out;
}

double mean(std::span<const double> values) {
  if (values.empty()) return 0;
  return std::accumulate(values.begin(), values.end(), 0.0) / as_double(values.size());
}

double variance(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double sum = 0;
  for (const double value : values) sum += (value - centre) * (value - centre);
  return sum / as_double(values.size() - 1);
}

double quantile(std::span<const double> values, double share) {
  SP_CHECK(share >= 0 && share <= 1);
  if (values.empty()) return 0;
  const std::vector<double> ascending = sorted(values);
  const double place = share * as_double(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return ascending[below] + (place - as_double(below)) * (ascending[above] - ascending[below]);
}

double median(std::span<const double> values) { return quantile(values, 0.5); }

double median_absolute_deviation(std::span<const double> values) {
  const double centre = median(values);
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::abs(value - centre));
  return 1.4826 * median(distances);
}

std::vector<bool> benjamini_hochberg(std::span<const double> p_values, double rate) {
  std::vector<bool> reject(p_values.size(), false);
  const std::vector<std::size_t> order = order_of(p_values);
  bool rejecting = false;  // the largest p that lies under the line takes all smaller ones with it
  for (std::size_t rank = order.size(); rank > 0; --rank) {
    const std::size_t i = order[rank - 1];
    rejecting = rejecting || p_values[i] <= rate * as_double(rank) / as_double(order.size());
    reject[i] = rejecting;
  }
  return reject;
}

std::vector<bool> holm(std::span<const double> p_values, double rate) {
  std::vector<bool> reject(p_values.size(), false);
  const std::vector<std::size_t> order = order_of(p_values);
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    if (p_values[order[rank]] > rate / as_double(order.size() - rank)) break;
    reject[order[rank]] = true;
  }
  return reject;
}

double area_under_roc(std::span<const double> bad, std::span<const double> clean) {
  if (bad.empty() || clean.empty()) return 0.5;
  const std::vector<double> ascending = sorted(clean);
  double wins = 0;
  for (const double score : bad) {
    const auto [from, to] = std::equal_range(ascending.begin(), ascending.end(), score);
    wins += static_cast<double>(from - ascending.begin()) + 0.5 * static_cast<double>(to - from);
  }
  return wins / as_double(bad.size()) / as_double(clean.size());
}

double threshold_at(std::span<const double> clean, double false_positive_rate) {
  SP_CHECK(!clean.empty() && false_positive_rate >= 0 && false_positive_rate <= 1);
  const std::vector<double> ascending = sorted(clean);
  // The small addend keeps 0.01 * 300, which is a little under 3 in binary, from losing a score.
  const auto allowed = static_cast<std::size_t>(false_positive_rate * as_double(clean.size()) + 1e-9);
  if (allowed >= clean.size()) return -HUGE_VAL;
  return ascending[clean.size() - 1 - allowed];
}

double true_positive_rate_at(std::span<const double> bad, std::span<const double> clean,
                             double false_positive_rate) {
  if (bad.empty()) return 0;
  const double threshold = threshold_at(clean, false_positive_rate);
  const auto flagged = std::count_if(bad.begin(), bad.end(), [&](double score) { return score > threshold; });
  return static_cast<double>(flagged) / as_double(bad.size());
}

}  // namespace sallyport::learn
