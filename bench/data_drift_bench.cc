// Drift beside scipy and Evidently, its false alarms where nothing drifted, and k-anonymity of Adult.
#include <algorithm>
#include <cmath>

#include "bench/data_bench.h"
#include "learn/anonymity.h"
#include "learn/drift.h"
#include "learn/random.h"
#include "services/data_check/checks.h"

namespace sallyport::bench::data {
namespace {

std::vector<double> normals(std::size_t count, std::uint64_t seed, double shift = 0) {
  learn::Random random(seed);
  std::vector<double> out(count);
  for (double& value : out) value = random.normal() + shift;
  return out;
}

Result<std::vector<Figure>> column_rows() {
  constexpr std::size_t kMany = 1'000'000;
  const std::vector<double> a = normals(kMany, 1, 0.01);
  const std::vector<double> b = normals(kMany, 2);
  learn::ColumnDrift drift;
  std::vector<double> seconds;
  for (std::size_t round = 0; round < kSeeds.size(); ++round)
    seconds.push_back(seconds_of([&] { drift = learn::column_drift(a, b); }));
  std::vector<Figure> out{{.name = "KS, Wasserstein and PSI, 1,000,000 against 1,000,000",
                           .value = median(seconds),
                           .unit = "s",
                           .better = Better::kLower,
                           .how = "one thread, median of 5"}};
  const Exchange exchange;
  TRY(exchange.put("a", a, 1));
  TRY(exchange.put("b", b, 1));
  const Result<Json> answer = exchange.ask("data", kPeers, "column");
  if (!answer) return out;
  const double peer = (*answer)["seconds"].get<double>();
  const double apart = std::max(std::abs((*answer)["ks"].get<double>() - drift.ks),
                                std::abs((*answer)["wasserstein"].get<double>() - drift.wasserstein));
  out.push_back({.name = "KS and Wasserstein, against scipy",
                 .value = peer / median(seconds),
                 .unit = "x",
                 .target = 20,
                 .how = "scipy 1.17.1: " + std::to_string(peer) + " s"});
  out.push_back({.name = "KS and Wasserstein, apart from scipy's",
                 .value = apart,
                 .target = 1e-9,
                 .better = Better::kLower,
                 .how = "the larger of the two differences"});
  return out;
}

Dataset table_of_normals(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Dataset out{.name = "normals"};
  for (std::size_t j = 0; j < columns; ++j)
    out.columns.push_back(
        {.name = "c" + std::to_string(j), .numbers = normals(rows, learn::derive_seed(seed, j))});
  return out;
}

std::vector<double> by_row(const Dataset& data) {
  std::vector<double> out;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    for (const Column& column : data.columns) out.push_back(column.numbers[r]);
  }
  return out;
}

Result<std::vector<Figure>> report_rows() {
  constexpr std::size_t kRows = 100'000;
  constexpr std::size_t kColumns = 50;
  const Dataset current = table_of_normals(kRows, kColumns, 3);
  const Dataset reference = table_of_normals(kRows, kColumns, 4);
  std::vector<double> seconds;
  for (const std::uint64_t seed : kSeeds) {
    Result<services::data_check::Outcome> outcome;
    seconds.push_back(seconds_of([&] {
      outcome =
          services::data_check::check_drift(current, {.reference = &reference, .seed = seed, .threads = 1});
    }));
    TRY(std::move(outcome));
  }
  std::vector<Figure> out{{.name = "drift report, 100,000 x 50",
                           .value = median(seconds),
                           .unit = "s",
                           .better = Better::kLower,
                           .how = "one thread, the rows as a whole included, median of 5"}};
  const Exchange exchange;
  TRY(exchange.put("current", by_row(current), kColumns));
  TRY(exchange.put("reference", by_row(reference), kColumns));
  const Result<Json> answer = exchange.ask("evidently", "evidently==0.7.23 pandas==2.3.3", "drift_report");
  if (!answer) return out;
  const double peer = (*answer)["seconds"].get<double>();
  out.push_back({.name = "drift report, against Evidently",
                 .value = peer / median(seconds),
                 .unit = "x",
                 .target = 50,
                 .how = "Evidently 0.7.23: " + std::to_string(peer) + " s"});
  return out;
}

// How often a column that did not drift is called drifted at a rate of 1 %.
Figure false_alarms(std::size_t n, std::size_t trials) {
  double alarms = 0;
  double rule = 0;
  for (std::size_t trial = 0; trial < trials; ++trial) {
    const learn::ColumnDrift drift = learn::column_drift(normals(n, learn::derive_seed(n, 2 * trial)),
                                                         normals(n, learn::derive_seed(n, 2 * trial + 1)));
    alarms += drift.p <= 0.01 ? 1 : 0;
    rule += drift.psi > 0.1 ? 1 : 0;
  }
  const double share = static_cast<double>(trials);
  char how[128];
  std::snprintf(how, sizeof how, "%.2f %% of %zu trials; PSI over .1: %.1f %%", 100 * alarms / share, trials,
                100 * rule / share);
  return {.name = "false alarms without drift, n = " + std::to_string(n) + ": off 1 % by",
          .value = std::abs(100 * alarms / share - 1),
          .unit = "points",
          .target = 0.5,
          .better = Better::kLower,
          .how = how};
}

Result<std::vector<Figure>> joint_rows() {
  constexpr std::size_t kRows = 1000;
  constexpr std::size_t kColumns = 784;
  const std::vector<double> a = normals(kRows * kColumns, 5);
  const std::vector<double> b = normals(kRows * kColumns, 6);
  const auto matrix = [&](const std::vector<double>& values) {
    return learn::Matrix(kRows, kColumns, std::vector<float>(values.begin(), values.end()));
  };
  const learn::Matrix here = matrix(a);
  const learn::Matrix there = matrix(b);
  std::vector<double> seconds;
  for (const std::uint64_t seed : kSeeds)
    seconds.push_back(seconds_of([&] { learn::row_drift(here, there, 100, seed, 1); }));
  std::vector<Figure> out{{.name = "MMD, n = 1,000, d = 784, 100 permutations",
                           .value = median(seconds),
                           .unit = "s",
                           .target = 0.2,
                           .better = Better::kLower,
                           .how = "one thread, median of 5"}};
  const Exchange exchange;
  TRY(exchange.put("a", a, kColumns));
  TRY(exchange.put("b", b, kColumns));
  const Result<Json> answer = exchange.ask("data", kPeers, "mmd");
  if (answer) {
    out.front().how +=
        "; NumPy and scikit-learn: " + std::to_string((*answer)["seconds"].get<double>()) + " s";
  }
  return out;
}

Result<std::vector<Figure>> anonymity_rows() {
  const std::optional<Dataset> adult = shared_table("tables/adult.csv.gz");
  if (!adult) return std::vector<Figure>();
  std::vector<std::size_t> columns;
  for (const char* name : {"age", "sex", "race", "native-country", "education"}) {
    const Column* column = adult->find(name);
    if (column == nullptr) return invalid(std::string("Adult has no column ") + name);
    columns.push_back(static_cast<std::size_t>(column - adult->columns.data()));
  }
  learn::EquivalenceClasses classes;
  std::vector<double> seconds;
  for (std::size_t round = 0; round < kSeeds.size(); ++round)
    seconds.push_back(seconds_of([&] { classes = learn::equivalence_classes(*adult, columns); }));
  const std::string how = "Adult, age, sex, race, country and education";
  return std::vector<Figure>{{.name = "k-anonymity: classes, off 5,619 by",
                              .value = std::abs(static_cast<double>(classes.sizes.size()) - 5619),
                              .target = 0,
                              .better = Better::kLower,
                              .how = how},
                             {.name = "k-anonymity: unique rows, off 3,501 by",
                              .value = std::abs(static_cast<double>(classes.rows_in_classes_below(2)) - 3501),
                              .target = 0,
                              .better = Better::kLower,
                              .how = how},
                             {.name = "k-anonymity: one thread",
                              .value = median(seconds) * 1000,
                              .unit = "ms",
                              .target = 20,
                              .better = Better::kLower,
                              .how = "32,561 rows, median of 5"}};
}

}  // namespace

}  // namespace sallyport::bench::data

namespace sallyport::bench {

using namespace data;

Result<std::vector<Figure>> bench_data_drift() {
  std::vector<Figure> out;
  const auto add = [&](std::vector<Figure> more) { out.insert(out.end(), more.begin(), more.end()); };
  add(TRY(column_rows()));
  add(TRY(report_rows()));
  constexpr std::pair<std::size_t, std::size_t> kTrials[] = {
      {100, 10'000}, {1'000, 10'000}, {10'000, 4'000}, {100'000, 1'000}};
  for (const auto& [n, trials] : kTrials) out.push_back(false_alarms(n, trials));
  add(TRY(joint_rows()));
  add(TRY(anonymity_rows()));
  return out;
}

}  // namespace sallyport::bench
