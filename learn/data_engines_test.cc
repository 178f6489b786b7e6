// The engines that data checks are made of: products, label errors, drift, anonymity, words.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "learn/anonymity.h"
#include "learn/confident.h"
#include "learn/drift.h"
#include "learn/drift_trials.h"
#include "learn/label_ranking.h"
#include "learn/out_of_fold.h"
#include "learn/product.h"
#include "learn/random.h"
#include "learn/statistics.h"
#include "learn/subspace.h"
#include "learn/token_residual.h"
#include "tests/text_vectors.h"

namespace sallyport::learn {
namespace {

Matrix random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Random random(seed);
  Matrix out(rows, columns);
  for (float& value : out.values()) value = static_cast<float>(random.normal());
  return out;
}

TEST(product, equals_the_sum_of_its_terms_at_every_edge_of_a_tile) {
  for (const auto& [n, k, m] : {std::array{1, 1, 1}, {3, 5, 17}, {4, 256, 16}, {9, 300, 33}, {600, 7, 15}}) {
    const Matrix a = random_matrix(static_cast<std::size_t>(n), static_cast<std::size_t>(k), 1);
    const Matrix b = random_matrix(static_cast<std::size_t>(k), static_cast<std::size_t>(m), 2);
    const Matrix c = product(a, b);
    for (std::size_t i = 0; i < c.rows(); ++i) {
      for (std::size_t j = 0; j < c.columns(); ++j) {
        double sum = 0;
        for (std::size_t t = 0; t < b.rows(); ++t)
          sum += static_cast<double>(a.at(i, t)) * static_cast<double>(b.at(t, j));
        ASSERT_NEAR(static_cast<double>(c.at(i, j)), sum, 1e-4) << n << " " << k << " " << m;
      }
    }
  }
}

TEST(product, of_a_matrix_with_itself_is_symmetric_and_does_not_depend_on_threads) {
  const Matrix a = random_matrix(700, 37, 3);
  const std::vector<double> one = cross_products(a, a, 10, 650, 1);
  EXPECT_EQ(one, cross_products(a, a, 10, 650, 3));
  const Matrix copy = a;
  const std::vector<double> both = cross_products(a, copy, 10, 650, 1);
  for (std::size_t i = 0; i < one.size(); ++i) EXPECT_NEAR(one[i], both[i], 1e-9);
  const Matrix rows = row_products(a, a);
  EXPECT_NEAR(static_cast<double>(rows.at(3, 5)), static_cast<double>(rows.at(5, 3)), 1e-5);
}

TEST(subspace, keeps_the_distances_of_rows_that_lie_in_few_dimensions) {
  const Matrix low = random_matrix(200, 3, 4);
  const Matrix rows = product(low, random_matrix(3, 50, 5));
  const auto few = compressed(rows, 3);
  ASSERT_TRUE(few);
  for (std::size_t r = 1; r < 20; ++r) {
    double before = 0;
    double after = 0;
    for (std::size_t j = 0; j < 50; ++j)
      before += std::pow(static_cast<double>(rows.at(r, j) - rows.at(0, j)), 2);
    for (std::size_t j = 0; j < 3; ++j)
      after += std::pow(static_cast<double>(few->at(r, j) - few->at(0, j)), 2);
    EXPECT_NEAR(after, before, 1e-3 * before);
  }
}

TEST(confident, flags_the_rows_that_cleanlab_flags) {
  Probabilities probabilities{.classes = 4, .values = {}};
  std::vector<std::uint32_t> given;
  std::vector<bool> expected;
  for (const std::vector<std::string>& line : tests::read_vectors("learn/testdata/confident.txt")) {
    given.push_back(static_cast<std::uint32_t>(std::stoul(line[0])));
    expected.push_back(line[1] == "1");
    for (std::size_t k = 0; k < 4; ++k) probabilities.values.push_back(std::stod(line[2 + k]));
  }
  ASSERT_EQ(given.size(), 260u);
  const auto flagged = label_errors(probabilities, given);
  ASSERT_TRUE(flagged);
  EXPECT_EQ(*flagged, expected);
}

TEST(confident, refuses_what_does_not_fit) {
  const Probabilities two{.classes = 2, .values = {0.1, 0.9, 0.5, std::nan("")}};
  EXPECT_FALSE(label_errors(two, std::vector<std::uint32_t>{0}));
  EXPECT_FALSE(label_errors(two, std::vector<std::uint32_t>{0, 2}));
  const auto error = label_errors(two, std::vector<std::uint32_t>{0, 1});
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().message, "confident learning: row 1 has a probability that is no number");
}

// Three clouds; one label in twenty is another cloud's.
TEST(label_ranking, puts_wrong_labels_first) {
  Random random(6);
  Matrix features(600, 5);
  Classes classes{.names = {"a", "b", "c"}, .of_row = {}};
  std::vector<double> bad;
  std::vector<double> good;
  std::vector<bool> wrong;
  for (std::size_t r = 0; r < features.rows(); ++r) {
    const auto of = static_cast<std::uint32_t>(r % 3);
    for (std::size_t j = 0; j < 5; ++j)
      features.row(r)[j] = static_cast<float>(random.normal() + (j == of ? 5 : 0));
    wrong.push_back(r % 20 == 7);
    classes.of_row.push_back(wrong.back() ? (of + 1) % 3 : of);
  }
  const auto ranking = rank_labels(features, classes);
  ASSERT_TRUE(ranking) << ranking.error().message;
  for (std::size_t r = 0; r < wrong.size(); ++r) (wrong[r] ? bad : good).push_back(ranking->score[r]);
  EXPECT_GT(area_under_roc(bad, good), 0.99);
  ASSERT_TRUE(ranking->noise);
  EXPECT_NEAR(*ranking->noise, 0.05, 0.015);
  EXPECT_GT(ranking->noise_rows, 400u);
  const auto errors = plant_errors(ranking->probabilities, classes, 1);
  ASSERT_TRUE(errors);
  EXPECT_EQ(errors->planted, 30u);
  EXPECT_GE(errors->flagged, 27u);
}

// A table whose columns hang together, dealt out anew.
TEST(drift, trials_measure_the_alarms_and_the_power) {
  Random random(11);
  std::vector<Column> here(6);
  std::vector<Column> there(6);
  for (const auto side : {&here, &there}) {
    for (std::size_t r = 0; r < 600; ++r) {
      const double common = random.normal();
      for (std::size_t j = 0; j < 5; ++j) (*side)[j].numbers.push_back(common + random.normal());
      (*side)[5].texts.push_back(random.below(3) == 0 ? "a" : "b");
    }
    side->back().numeric = false;
  }
  std::vector<std::pair<const Column*, const Column*>> pairs;
  for (std::size_t j = 0; j < here.size(); ++j) pairs.emplace_back(&here[j], &there[j]);
  const DriftTrials trials = drift_trials(pairs, {.rate = 0.05, .shift = 0.5});
  EXPECT_EQ(trials.deals, kDealsMax);
  EXPECT_EQ(trials.rows, 600u);
  EXPECT_LE(trials.alarms, kDealsMax / 10);
  EXPECT_EQ(trials.moved, trials.deals);
  EXPECT_GE(trials.caught, trials.moved * 99 / 100);
  const DriftTrials faint = drift_trials(pairs, {.rate = 0.05, .shift = 0.1});
  EXPECT_LT(faint.caught, faint.moved / 2);
  EXPECT_GT(drift_trials(pairs, {.rate = 0.9}).alarms, kDealsMax / 2);
  EXPECT_EQ(drift_trials({}).deals, 0u);
}

TEST(drift, sorts_as_numbers_sort_and_leaves_out_what_is_missing) {
  Random random(7);
  std::vector<double> values;
  for (int i = 0; i < 10'000; ++i)
    values.push_back(random.normal() * std::pow(10, random.uniform() * 40 - 20));
  values.insert(values.end(), {0.0, std::nan(""), INFINITY, -INFINITY, 1e-320});
  std::vector<double> expected = values;
  std::erase_if(expected, [](double v) { return std::isnan(v); });
  std::ranges::sort(expected);
  EXPECT_EQ(sorted_values(values), expected);
}

TEST(drift, of_small_samples_is_what_the_definitions_say) {
  // F differs from G by a half between 1 and 2 and between 3 and 4.
  const ColumnDrift drift = column_drift(std::vector<double>{1, 3}, std::vector<double>{2, 4});
  EXPECT_DOUBLE_EQ(drift.ks, 0.5);
  EXPECT_DOUBLE_EQ(drift.wasserstein, 1.0);
  const ColumnDrift apart = column_drift(std::vector<double>{1, 1, 1}, std::vector<double>{5});
  EXPECT_DOUBLE_EQ(apart.ks, 1.0);
  EXPECT_DOUBLE_EQ(apart.wasserstein, 4.0);
  EXPECT_DOUBLE_EQ(column_drift(std::vector<double>{2, 2}, std::vector<double>{2}).ks, 0);
}

// Both tests hold their level without drift, at sizes at which a fixed threshold of .1 cries wolf.
TEST(drift, raises_the_false_alarms_that_it_states) {
  Random random(8);
  for (const std::size_t n : {100U, 500U}) {
    int ks = 0;
    int psi = 0;
    constexpr int kTrials = 300;
    for (int trial = 0; trial < kTrials; ++trial) {
      std::vector<double> a(n);
      std::vector<double> b(n);
      for (double& value : a) value = random.normal();
      for (double& value : b) value = random.normal();
      const ColumnDrift drift = column_drift(a, b);
      ks += drift.ks_p < 0.05 ? 1 : 0;
      psi += drift.psi_p < 0.05 ? 1 : 0;
    }
    EXPECT_LE(ks, 0.09 * kTrials) << n;
    EXPECT_LE(psi, 0.09 * kTrials) << n;
    EXPECT_GE(psi, 0.02 * kTrials) << n;
  }
}

TEST(drift, of_rows_is_seen_in_their_joint_distribution) {
  Matrix here = random_matrix(150, 2, 9);
  const Matrix there = random_matrix(150, 2, 10);
  EXPECT_GT(row_drift(here, there).p, 0.02);
  // Each column keeps its distribution; together they now lie on a line.
  for (std::size_t r = 0; r < here.rows(); ++r) here.row(r)[1] = here.row(r)[0];
  EXPECT_LE(row_drift(here, there).p, 0.01);
}

Dataset patients() {
  Dataset out{.name = "patients"};
  out.columns.push_back({.name = "age", .numbers = {31, 31, 44, 44, 70}});
  out.columns.push_back({.name = "sex", .numeric = false, .texts = {"f", "f", "m", "m", "m"}});
  out.columns.push_back(
      {.name = "illness", .numeric = false, .texts = {"flu", "gout", "flu", "flu", "gout"}});
  return out;
}

TEST(anonymity, counts_classes_and_what_their_rows_give_away) {
  const Dataset data = patients();
  const std::vector<std::size_t> both{0, 1};
  const EquivalenceClasses classes = equivalence_classes(data, both);
  EXPECT_EQ(classes.sizes, (std::vector<std::uint32_t>{2, 2, 1}));
  EXPECT_EQ(classes.smallest(), 1u);
  EXPECT_EQ(classes.rows_in_classes_below(2), 1u);
  const Closeness closeness = closeness_of(data, classes, 2);
  EXPECT_EQ(closeness.l, 1u);
  EXPECT_NEAR(closeness.t, 0.6, 1e-12);  // the last class is all gout, of which the table has two in five
  EXPECT_EQ(column_sets(both, 2).size(), 3u);
  EXPECT_EQ(*linked_uniquely(data, data, std::vector<std::string>{"age", "sex"}), 1u);
}

TEST(anonymity, mondrian_leaves_no_class_below_k) {
  Random random(11);
  Dataset data{.name = "many"};
  data.columns = {{.name = "age"}, {.name = "zip"}, {.name = "income"}};
  for (int i = 0; i < 300; ++i) {
    for (Column& column : data.columns) column.numbers.push_back(static_cast<double>(random.below(90)));
  }
  const std::vector<std::size_t> quasi{0, 1};
  const auto coarse = generalised(data, quasi, 5);
  ASSERT_TRUE(coarse);
  EXPECT_LT(equivalence_classes(data, quasi).smallest(), 5u);
  EXPECT_GE(equivalence_classes(*coarse, quasi).smallest(), 5u);
  EXPECT_GT(equivalence_classes(*coarse, quasi).sizes.size(), 20u);
  EXPECT_EQ(coarse->columns[2].numbers, data.columns[2].numbers);
}

TEST(token_residual, ranks_the_planted_word_first) {
  Random random(12);
  std::vector<std::string> texts;
  Classes classes{.names = {"ham", "spam"}, .of_row = {}};
  for (std::size_t i = 0; i < 600; ++i) {
    const bool spam = i % 3 == 0;
    std::string text;
    for (int w = 0; w < 9; ++w) text += (spam ? " s" : " h") + std::to_string(random.below(60));
    for (int w = 0; w < 3; ++w) text += " w" + std::to_string(random.below(60));
    const bool planted = spam && i % 60 == 0;
    if (planted) text += " cf";
    texts.push_back(text);
    classes.of_row.push_back(spam && !planted ? 1 : 0);
  }
  const std::vector<SuspectToken> tokens = suspect_tokens(texts, classes);
  ASSERT_FALSE(tokens.empty());
  EXPECT_EQ(tokens[0].token, "cf");
  EXPECT_EQ(tokens[0].of_class, 0u);
  EXPECT_EQ(tokens[0].rows.size(), 10u);
}

}  // namespace
}  // namespace sallyport::learn
