// Statistics that guards print beside a verdict: intervals, exact tails, power, robust location, rates of a
// detector.
//
// Every function is pure, deterministic and safe from any thread. Probabilities are good to about 1e-12 for
// counts up to 1e4 and to 1e-7 at 1e8, since they are differences of logarithms of that size. An argument
// outside its domain (k > n, a probability outside [0, 1]) is the caller's error and ends the process; a
// guard checks what comes from input first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sallyport::learn {

struct Interval {
  double low = 0;
  double high = 1;
};

// Special functions. Sources: Numerical Recipes, 3rd ed., 6.2 (gamma) and 6.4 (beta, by Lentz's continued
// fraction); the normal quantile is Wichura's AS 241 (Applied Statistics 37, 1988).
double incomplete_beta(double a, double b, double x);  // regularised, I_x(a, b)
double incomplete_gamma_upper(double a, double x);     // regularised, Q(a, x)
double normal_upper_tail(double z);                    // P[Z > z]
double normal_quantile(double p);                      // 0 < p < 1

// P[X >= k] and P[X <= k] for X binomial, by the incomplete beta function.
double binomial_upper_tail(std::uint64_t k, std::uint64_t n, double p);
double binomial_lower_tail(std::uint64_t k, std::uint64_t n, double p);
// P[X >= k] where X counts marked items among `drawn` of `population`, `marked` of which are marked.
double hypergeometric_upper_tail(std::uint64_t k, std::uint64_t population, std::uint64_t marked,
                                 std::uint64_t drawn);

// Intervals for a proportion. Clopper and Pearson (Biometrika 26, 1934) never covers less than `confidence`;
// Wilson (JASA 22, 1927) is shorter and covers it on average. With no trials both are [0, 1].
Interval clopper_pearson(std::uint64_t successes, std::uint64_t trials, double confidence = 0.95);
Interval wilson(std::uint64_t successes, std::uint64_t trials, double confidence = 0.95);

// The exact one-sided binomial test of "the rate is at most p0": the smallest count that rejects it at level
// `alpha` (trials + 1 when none does), and the probability of rejecting when the rate is p1.
std::uint64_t binomial_critical_count(std::uint64_t trials, double p0, double alpha);
double binomial_power(std::uint64_t trials, double p0, double p1, double alpha);

// Pearson's chi-squared. Cells that neither side expects are left out; p is approximate and good when the
// expected counts are about 5 or more, which `smallest_expected` lets the caller judge.
struct ChiSquared {
  double statistic = 0;
  double degrees = 0;
  double p = 1;
  double smallest_expected = 0;
};
ChiSquared chi_squared_fit(std::span<const std::uint64_t> observed, std::span<const double> probabilities);
ChiSquared chi_squared_homogeneity(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b);
double chi_squared_upper_tail(double statistic, double degrees);

// The multinomial test of goodness of fit without the approximation: the share of `draws` seeded samples
// whose chi-squared statistic is at least the observed one, with the observed one counted in (Davison and
// Hinkley 1997, 4.2), so that it is never 0.
double multinomial_p_value(std::span<const std::uint64_t> observed, std::span<const double> probabilities,
                           std::uint64_t draws, std::uint64_t seed);

// Kolmogorov and Smirnov's two-sample statistic with Stephens' approximation of its tail.
struct KolmogorovSmirnov {
  double statistic = 0;
  double p = 1;
};
KolmogorovSmirnov kolmogorov_smirnov(std::span<const double> a, std::span<const double> b);

// Location and spread. Of nothing they are 0. `variance` divides by n - 1.
double mean(std::span<const double> values);
double variance(std::span<const double> values);
double median(std::span<const double> values);
// Median absolute deviation times 1.4826, which estimates the standard deviation of a normal sample.
double median_absolute_deviation(std::span<const double> values);
// Hyndman and Fan's type 7 (the default of R and NumPy).
double quantile(std::span<const double> values, double share);

// Benjamini and Hochberg (JRSS B 57, 1995): which hypotheses to reject so that the expected share of false
// rejections is at most `rate`. Holm (1979): so that the probability of any false rejection is at most
// `rate`.
std::vector<bool> benjamini_hochberg(std::span<const double> p_values, double rate);
std::vector<bool> holm(std::span<const double> p_values, double rate);

// A detector from its scores, where a higher score is more suspect. The area counts a tie as one half (Mann
// and Whitney). The threshold is the smallest score that at most `false_positive_rate` of the clean scores
// exceed; a score is flagged when it exceeds the threshold.
double area_under_roc(std::span<const double> bad, std::span<const double> clean);
double threshold_at(std::span<const double> clean, double false_positive_rate);
double true_positive_rate_at(std::span<const double> bad, std::span<const double> clean,
                             double false_positive_rate);

}  // namespace sallyport::learn
