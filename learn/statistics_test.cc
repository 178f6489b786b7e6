#include "learn/statistics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "learn/random.h"

namespace sallyport::learn {
namespace {

TEST(Special, MatchesPublishedValues) {
  EXPECT_NEAR(incomplete_beta(2, 3, 0.4), 0.5248, 1e-12);
  EXPECT_NEAR(incomplete_beta(0.5, 0.5, 0.25), 1.0 / 3, 1e-12);
  EXPECT_NEAR(incomplete_gamma_upper(0.5, 1.920729410347062), 0.05, 1e-12);
  EXPECT_NEAR(incomplete_gamma_upper(1, 3), std::exp(-3), 1e-14);
  EXPECT_NEAR(normal_quantile(0.975), 1.959963984540054, 1e-13);
  EXPECT_NEAR(normal_quantile(1e-10), -6.361340902404056, 1e-11);
  for (const double z : {-5.0, -1.0, 0.0, 0.3, 2.5, 6.0}) {
    EXPECT_NEAR(normal_quantile(1 - normal_upper_tail(z)), z, 1e-6) << z;
  }
}

TEST(Binomial, TailIsTheSumOfItsTerms) {
  for (const double p : {0.05, 0.3, 0.97}) {
    for (std::uint64_t n = 1; n <= 30; ++n) {
      double sum = 0;
      for (std::uint64_t k = n + 1; k-- > 0;) {
        const double total = static_cast<double>(n);
        const double yes = static_cast<double>(k);
        sum += std::exp(std::lgamma(total + 1) - std::lgamma(yes + 1) - std::lgamma(total - yes + 1)) *
               std::pow(p, yes) * std::pow(1 - p, total - yes);
        EXPECT_NEAR(binomial_upper_tail(k, n, p), sum, 1e-11) << k << " of " << n << " at " << p;
        if (k > 0) {
          EXPECT_NEAR(binomial_lower_tail(k - 1, n, p), 1 - sum, 1e-11);
        }
      }
    }
  }
  // At one half the normal distribution with the continuity correction is off by less than 1 / n.
  EXPECT_NEAR(binomial_upper_tail(50'000'500, 100'000'000, 0.5), normal_upper_tail(499.5 / 5000), 1e-7);
}

TEST(Binomial, ClopperPearsonInvertsTheTails) {
  // Clopper and Pearson at 0 of 10 is 1 - (alpha / 2)^(1/10).
  EXPECT_DOUBLE_EQ(clopper_pearson(0, 10).low, 0);
  EXPECT_NEAR(clopper_pearson(0, 10).high, 1 - std::pow(0.025, 0.1), 1e-12);
  EXPECT_NEAR(clopper_pearson(10, 10).low, std::pow(0.025, 0.1), 1e-12);
  for (const std::uint64_t k : {1ULL, 7ULL, 350ULL, 359ULL}) {
    const Interval interval = clopper_pearson(k, 360);
    EXPECT_NEAR(binomial_upper_tail(k, 360, interval.low), 0.025, 1e-10);
    EXPECT_NEAR(binomial_lower_tail(k, 360, interval.high), 0.025, 1e-10);
  }
  EXPECT_DOUBLE_EQ(clopper_pearson(0, 0).low, 0);
  EXPECT_DOUBLE_EQ(clopper_pearson(0, 0).high, 1);
}

TEST(Binomial, ClopperPearsonCoversAtLeastItsConfidence) {
  for (const double p : {0.01, 0.1, 0.5, 0.83}) {
    double covered = 0;
    for (std::uint64_t k = 0; k <= 40; ++k) {
      const Interval interval = clopper_pearson(k, 40, 0.9);
      if (interval.low <= p && p <= interval.high) {
        covered += binomial_upper_tail(k, 40, p) - binomial_upper_tail(k + 1, 40, p);
      }
    }
    EXPECT_GE(covered, 0.9) << p;
  }
}

TEST(Binomial, WilsonMatchesItsFormula) {
  // Newcombe (1998), table I: 15 of 148 gives .0624 to .1605, 0 of 20 gives 0 to .1611.
  EXPECT_NEAR(wilson(15, 148).low, 0.0624, 5e-5);
  EXPECT_NEAR(wilson(15, 148).high, 0.1605, 5e-5);
  EXPECT_NEAR(wilson(0, 20).high, 0.1611, 5e-5);
}

TEST(Binomial, CriticalCountAndPower) {
  for (const std::uint64_t n : {5ULL, 50ULL, 500ULL}) {
    const std::uint64_t k = binomial_critical_count(n, 0.01, 0.001);
    EXPECT_LE(binomial_upper_tail(k, n, 0.01), 0.001);
    EXPECT_GT(binomial_upper_tail(k - 1, n, 0.01), 0.001);
    EXPECT_NEAR(binomial_power(n, 0.01, 0.2, 0.001), binomial_upper_tail(k, n, 0.2), 1e-15);
  }
  EXPECT_EQ(binomial_critical_count(3, 0.9, 0.001), 4U);
  EXPECT_DOUBLE_EQ(binomial_power(3, 0.9, 1.0, 0.001), 0);
}

TEST(Hypergeometric, FishersTea) {
  EXPECT_NEAR(hypergeometric_upper_tail(3, 8, 4, 4), 17.0 / 70, 1e-12);
  EXPECT_NEAR(hypergeometric_upper_tail(4, 8, 4, 4), 1.0 / 70, 1e-12);
  EXPECT_NEAR(hypergeometric_upper_tail(0, 8, 4, 4), 1, 1e-12);
}

TEST(ChiSquared, MendelsPeas) {
  const std::vector<std::uint64_t> peas{315, 101, 108, 32};
  const std::vector<double> ratio{9.0 / 16, 3.0 / 16, 3.0 / 16, 1.0 / 16};
  const ChiSquared fit = chi_squared_fit(peas, ratio);
  EXPECT_NEAR(fit.statistic, 0.470024, 1e-6);
  EXPECT_NEAR(fit.p, 0.925426, 1e-6);
  EXPECT_NEAR(multinomial_p_value(peas, ratio, 4000, 7), 0.925, 0.02);
  EXPECT_EQ(multinomial_p_value(peas, ratio, 200, 7), multinomial_p_value(peas, ratio, 200, 7));
  const std::vector<std::uint64_t> impossible{1, 5};
  EXPECT_EQ(chi_squared_fit(impossible, std::vector<double>{0, 1}).p, 0);
  const std::vector<std::uint64_t> a{10, 20, 0};
  const std::vector<std::uint64_t> b{20, 10, 0};
  const ChiSquared table = chi_squared_homogeneity(a, b);
  EXPECT_EQ(table.degrees, 1);
  EXPECT_NEAR(table.statistic, 20.0 / 3, 1e-12);
  EXPECT_NEAR(table.p, 0.00982327, 1e-7);
}

TEST(KolmogorovSmirnov, SeesAShiftAndNothingElse) {
  Random random(3);
  std::vector<double> a(500);
  std::vector<double> b(400);
  for (double& v : a) v = random.normal();
  for (double& v : b) v = random.normal();
  EXPECT_GT(kolmogorov_smirnov(a, b).p, 0.05);
  EXPECT_EQ(kolmogorov_smirnov(a, a).statistic, 0);
  for (double& v : b) v += 0.5;
  EXPECT_LT(kolmogorov_smirnov(a, b).p, 1e-6);
}

TEST(Robust, MedianQuantileAndDeviation) {
  const std::vector<double> values{1, 100, 2, 4, 3};
  EXPECT_EQ(median(values), 3);
  EXPECT_EQ(quantile(values, 0.25), 2);
  EXPECT_DOUBLE_EQ(quantile(values, 0.9), 4 + 0.6 * 96);
  EXPECT_NEAR(median_absolute_deviation(values), 1.4826, 1e-12);
  EXPECT_EQ(median({}), 0);
  EXPECT_EQ(mean(values), 22);
  EXPECT_EQ(variance(values), 1902.5);
}

TEST(Multiple, BenjaminiHochbergAndHolm) {
  // The example of the 1995 paper, section 3.2: four are rejected at 0.05, three by Bonferroni and Holm.
  const std::vector<double> p{0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                              0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
  const std::vector<bool> fdr = benjamini_hochberg(p, 0.05);
  const std::vector<bool> family = holm(p, 0.05);
  EXPECT_EQ(std::count(fdr.begin(), fdr.end(), true), 4);
  EXPECT_EQ(std::count(family.begin(), family.end(), true), 3);
  EXPECT_TRUE(fdr[3] && !fdr[4]);
}

TEST(Detector, AreaAndRateAtAFalsePositiveRate) {
  const std::vector<double> clean{0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const std::vector<double> bad{4, 8.5, 9, 10, 11};
  EXPECT_NEAR(area_under_roc(bad, clean), (4.5 + 9 + 9.5 + 10 + 10) / 50, 1e-12);
  EXPECT_EQ(threshold_at(clean, 0), 9);
  EXPECT_EQ(threshold_at(clean, 0.1), 8);
  EXPECT_EQ(true_positive_rate_at(bad, clean, 0), 0.4);
  EXPECT_EQ(true_positive_rate_at(bad, clean, 0.1), 0.8);
  EXPECT_EQ(area_under_roc(clean, clean), 0.5);
}

TEST(RandomNumbers, AreReproducibleAndFair) {
  Random a(1);
  Random b(1);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  std::vector<std::uint64_t> counts(7, 0);
  for (int i = 0; i < 70'000; ++i) ++counts[a.below(7)];
  EXPECT_GT(chi_squared_fit(counts, std::vector<double>(7, 1.0 / 7)).p, 1e-4);
  std::vector<double> normals(20'000);
  for (double& v : normals) v = a.normal();
  EXPECT_NEAR(mean(normals), 0, 0.03);
  EXPECT_NEAR(variance(normals), 1, 0.05);
  std::vector<std::size_t> all = a.sample(50, 50);
  std::sort(all.begin(), all.end());
  for (std::size_t i = 0; i < 50; ++i) EXPECT_EQ(all[i], i);
  EXPECT_NE(derive_seed(1, 1), derive_seed(1, 2));
}

}  // namespace
}  // namespace sallyport::learn
