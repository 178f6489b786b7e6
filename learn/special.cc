// The special functions of statistics.h.
#include <array>
#include <cmath>
#include <limits>

#include "core/result.h"
#include "learn/statistics.h"

namespace sallyport::learn {

namespace {

constexpr double kTiny = 1e-300;  // keeps Lentz's quotients away from zero
constexpr double kEpsilon = 1e-16;
// The fractions converge in about the square root of the larger argument; this serves arguments up to 1e10.
constexpr int kIterationsMax = 500'000;

// std::lgamma writes a global; this one is safe from any thread.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

double away_from_zero(double x) { return std::abs(x) < kTiny ? kTiny : x; }

double beta_fraction(double a, double b, double x) {
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double h = d;
  for (int m = 1; m <= kIterationsMax; ++m) {
    const double even = m * (b - m) * x / ((a - 1 + 2 * m) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    h *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 1 + 2 * m));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    const double factor = d * c;
    h *= factor;
    if (std::abs(factor - 1) < kEpsilon) break;
  }
  return h;
}

double gamma_lower_series(double a, double x) {
  double term = 1 / a;
  double sum = term;
  for (int n = 1; n <= kIterationsMax && std::abs(term) > std::abs(sum) * kEpsilon; ++n) {
    term *= x / (a + n);
    sum += term;
  }
  return sum * std::exp(-x + a * std::log(x) - log_gamma(a));
}

double gamma_upper_fraction(double a, double x) {
  double b = x + 1 - a;
  double c = 1 / kTiny;
  double d = 1 / away_from_zero(b);
  double h = d;
  for (int i = 1; i <= kIterationsMax; ++i) {
    const double an = -i * (i - a);
    b += 2;
    d = 1 / away_from_zero(an * d + b);
    c = away_from_zero(b + an / c);
    const double factor = d * c;
    h *= factor;
    if (std::abs(factor - 1) < kEpsilon) break;
  }
  return std::exp(-x + a * std::log(x) - log_gamma(a)) * h;
}

double ratio(const std::array<double, 8>& numerator, const std::array<double, 8>& denominator, double x) {
  double top = 0;
  double bottom = 0;
  for (std::size_t i = 8; i-- > 0;) {
    top = top * x + numerator[i];
    bottom = bottom * x + denominator[i];
  }
  return top / bottom;
}

constexpr std::array<double, 8> kCentreTop{
    3.3871328727963666080,   1.3314166789178437745e2, 1.9715909503065514427e3, 1.3731693765509461125e4,
    4.5921953931549871457e4, 6.7265770927008700853e4, 3.3430575583588128105e4, 2.5090809287301226727e3};
constexpr std::array<double, 8> kCentreBottom{1.0,
                                              4.2313330701600911252e1,
                                              6.8718700749205790830e2,
                                              5.3941960214247511077e3,
                                              2.1213794301586595867e4,
                                              3.9307895800092710610e4,
                                              2.8729085735721942674e4,
                                              5.2264952788528545610e3};
constexpr std::array<double, 8> kMiddleTop{
    1.42343711074968357734, 4.63033784615654529590,    5.76949722146069140550,    3.64784832476320460504,
    1.27045825245236838258, 2.41780725177450611770e-1, 2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr std::array<double, 8> kMiddleBottom{1.0,
                                              2.05319162663775882187,
                                              1.67638483018380384940,
                                              6.89767334985100004550e-1,
                                              1.48103976427480074590e-1,
                                              1.51986665636164571966e-2,
                                              5.47593808499534494600e-4,
                                              1.05075007164441684324e-9};
constexpr std::array<double, 8> kTailTop{6.65790464350110377720,    5.46378491116411436990,
                                         1.78482653991729133580,    2.96560571828504891230e-1,
                                         2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                         2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr std::array<double, 8> kTailBottom{1.0,
                                            5.99832206555887937690e-1,
                                            1.36929880922735805310e-1,
                                            1.48753612908506148525e-2,
                                            7.86869131145613259100e-4,
                                            1.84631831751005468180e-5,
                                            1.42151175831644588870e-7,
                                            2.04426310338993978564e-15};

}  // namespace

double incomplete_beta(double a, double b, double x) {
  SP_CHECK(a > 0 && b > 0 && x >= 0 && x <= 1);
  if (x == 0 || x == 1) return x;
  const double front =
      std::exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast on this side of the mean; the other side is its complement.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

double incomplete_gamma_upper(double a, double x) {
  SP_CHECK(a > 0 && x >= 0);
  if (x == 0) return 1;
  return x < a + 1 ? 1 - gamma_lower_series(a, x) : gamma_upper_fraction(a, x);
}

double normal_upper_tail(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

double normal_quantile(double p) {
  SP_CHECK(p > 0 && p < 1);
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) return q * ratio(kCentreTop, kCentreBottom, 0.180625 - q * q);
  const double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  const double z = r <= 5 ? ratio(kMiddleTop, kMiddleBottom, r - 1.6) : ratio(kTailTop, kTailBottom, r - 5);
  return q < 0 ? -z : z;
}

}  // namespace sallyport::learn
