// Wrong labels: MNIST with labels that were changed, CIFAR-10's own errors, and how fast rows are flagged.
#include <algorithm>
#include <cmath>

#include "bench/data_bench.h"
#include "learn/confident.h"
#include "learn/encoded.h"
#include "learn/label_ranking.h"
#include "learn/random.h"

namespace sallyport::bench::data {
namespace {

constexpr std::size_t kRows = 20'000;
constexpr double kNoise = 0.1;

enum class Noise : std::uint8_t { kNextClass, kAnyClass };

struct Noisy {
  Dataset data;
  std::vector<bool> wrong;
};

Noisy with_wrong_labels(const Dataset& source, Noise noise, std::uint64_t seed) {
  Noisy out{sample_of(source, kRows, seed), std::vector<bool>(kRows)};
  learn::Random random(learn::derive_seed(seed, 101));
  for (Column& column : out.data.columns) {
    if (column.name != out.data.roles.label) continue;
    for (std::size_t r = 0; r < kRows; ++r) {
      out.wrong[r] = random.uniform() < kNoise;
      if (!out.wrong[r]) continue;
      const std::uint64_t step = noise == Noise::kNextClass ? 1 : 1 + random.below(9);
      column.numbers[r] = std::fmod(column.numbers[r] + static_cast<double>(step), 10);
    }
  }
  return out;
}

std::vector<double> flat(const Dataset& data, const std::vector<std::size_t>& columns) {
  std::vector<double> out;
  for (std::size_t r = 0; r < data.rows(); ++r) {
    for (const std::size_t column : columns) out.push_back(data.columns[column].numbers[r]);
  }
  return out;
}

struct PeerScores {
  std::vector<double> margin_ap, margin_tpr, confidence_ap, confidence_tpr;
};

Result<void> ask_peer(const Noisy& noisy, const learn::Classes& classes, PeerScores& out) {
  const Exchange exchange;
  std::vector<double> labels(classes.of_row.begin(), classes.of_row.end());
  std::vector<double> wrong;
  for (const bool one : noisy.wrong) wrong.push_back(one ? 1 : 0);
  const std::vector<std::size_t> columns = noisy.data.feature_columns();
  TRY(exchange.put("features", flat(noisy.data, columns), columns.size()));
  TRY(exchange.put("labels", labels, 1));
  TRY(exchange.put("wrong", wrong, 1));
  const Json answer = TRY(exchange.ask("data", kPeers, "label_ranking"));
  out.margin_ap.push_back(answer["normalized_margin"]["ap"].get<double>());
  out.margin_tpr.push_back(answer["normalized_margin"]["tpr"].get<double>());
  out.confidence_ap.push_back(answer["self_confidence"]["ap"].get<double>());
  out.confidence_tpr.push_back(answer["self_confidence"]["tpr"].get<double>());
  return {};
}

Result<std::vector<Figure>> noisy_rows(const Dataset& source, Noise noise) {
  std::vector<double> ap, tpr, seconds;
  PeerScores peer;
  bool has_peer = true;
  for (const std::uint64_t seed : kSeeds) {
    const Noisy noisy = with_wrong_labels(source, noise, seed);
    const learn::Classes classes = TRY(learn::classes_of(noisy.data));
    const learn::Matrix features = TRY(learn::features_of(noisy.data));
    Result<learn::LabelRanking> ranking;
    seconds.push_back(
        seconds_of([&] { ranking = learn::rank_labels(features, classes, {.seed = seed, .threads = 1}); }));
    const Detection found = detection_of(TRY(std::move(ranking)).score, noisy.wrong);
    ap.push_back(found.precision);
    tpr.push_back(found.tpr);
    has_peer = has_peer && ask_peer(noisy, classes, peer).has_value();
  }
  const bool next = noise == Noise::kNextClass;
  const std::string name = std::string("label errors, 10 % ") + (next ? "asymmetric" : "symmetric");
  const std::string how = "MNIST 20,000, median of 5 seeds";
  std::vector<Figure> out{
      {.name = name + ": AP", .value = median(ap), .target = next ? 0.95 : 0.98, .how = how},
      {.name = name + ": TPR at 1 % FPR", .value = median(tpr), .how = how},
      {.name = name + ": one thread", .value = median(seconds), .unit = "s", .how = how}};
  if (next) out[1].target = 0.90;
  if (!has_peer) return out;
  const std::string by = "cleanlab 2.7.0 on a 128-unit network's out-of-fold probabilities, same rows";
  out.push_back({.name = name + ": AP, cleanlab's margin", .value = median(peer.margin_ap), .how = by});
  out.push_back({.name = name + ": TPR, cleanlab's margin", .value = median(peer.margin_tpr), .how = by});
  out.push_back(
      {.name = name + ": AP, cleanlab's confidence", .value = median(peer.confidence_ap), .how = by});
  out.push_back(
      {.name = name + ": TPR, cleanlab's confidence", .value = median(peer.confidence_tpr), .how = by});
  return out;
}

// A table of two classes and unlike columns, with labels dealt to the other class: what distances alone say,
// and what boosted trees add. For information: no peer's figure for it is promised.
Result<std::vector<Figure>> table_rows(const Dataset& source) {
  using Trees = learn::LabelRankingOptions::Trees;
  std::vector<double> without, with, seconds;
  for (const std::uint64_t seed : kSeeds) {
    const Dataset data = sample_of(source, kRows, seed);
    learn::Classes classes = TRY(learn::classes_of(data));
    learn::Random random(learn::derive_seed(seed, 102));
    std::vector<bool> wrong(kRows);
    for (std::size_t r = 0; r < kRows; ++r) {
      wrong[r] = random.uniform() < kNoise;
      if (wrong[r]) classes.of_row[r] = 1 - classes.of_row[r];
    }
    const learn::Matrix features = TRY(learn::encoded_features(data));
    without.push_back(
        detection_of(TRY(learn::rank_labels(features, classes, {.seed = seed, .threads = 1})).score, wrong)
            .precision);
    Result<learn::LabelRanking> ranking;
    seconds.push_back(seconds_of([&] {
      ranking = learn::rank_labels(features, classes, {.trees = Trees::kAskToo, .seed = seed, .threads = 1});
    }));
    with.push_back(detection_of(TRY(std::move(ranking)).score, wrong).precision);
  }
  const std::string how = "Adult 20,000, 10 % of the labels changed, median of 5 seeds";
  return std::vector<Figure>{
      {.name = "label errors, a table: AP", .value = median(with), .how = how + "; XGBoost 1.7 among three"},
      {.name = "label errors, a table: AP without trees", .value = median(without), .how = how},
      {.name = "label errors, a table: one thread", .value = median(seconds), .unit = "s", .how = how}};
}

struct Flagged {
  std::vector<bool> ours;
  double ours_s = 0;
  std::optional<std::vector<std::size_t>> peers;
  double peers_s = 0;
};

Result<Flagged> flag(const learn::Probabilities& probabilities, const std::vector<std::uint32_t>& given) {
  Flagged out;
  std::vector<double> seconds;
  for (std::size_t round = 0; round < kSeeds.size(); ++round) {
    Result<std::vector<bool>> flagged;
    seconds.push_back(seconds_of([&] { flagged = learn::label_errors(probabilities, given); }));
    out.ours = TRY(std::move(flagged));
  }
  out.ours_s = median(seconds);
  const Exchange exchange;
  TRY(exchange.put("probabilities", probabilities.values, probabilities.classes));
  TRY(exchange.put("labels", std::vector<double>(given.begin(), given.end()), 1));
  const Result<Json> answer = exchange.ask("data", kPeers, "flag");
  if (!answer) return out;
  out.peers_s = (*answer)["seconds"].get<double>();
  out.peers = (*answer)["rows"].get<std::vector<std::size_t>>();
  return out;
}

// How many rows only one of the two flags.
double differing(const Flagged& flagged) {
  std::vector<bool> other(flagged.ours.size());
  for (const std::size_t row : *flagged.peers) other[row] = true;
  double out = 0;
  for (std::size_t r = 0; r < other.size(); ++r) out += other[r] != flagged.ours[r] ? 1 : 0;
  return out;
}

// Probabilities of which each row's own class has most, but for one row in ten.
Result<std::vector<Figure>> large_rows() {
  constexpr std::size_t kMany = 1'000'000;
  constexpr std::size_t kClasses = 10;
  learn::Random random(9);
  learn::Probabilities probabilities{.classes = kClasses, .values = std::vector<double>(kMany * kClasses)};
  std::vector<std::uint32_t> given(kMany);
  for (std::size_t r = 0; r < kMany; ++r) {
    const auto of = static_cast<std::uint32_t>(random.below(kClasses));
    double sum = 0;
    for (std::size_t k = 0; k < kClasses; ++k) {
      double& value = probabilities.values[r * kClasses + k];
      value = -std::log(1 - random.uniform()) + (k == of ? 6 * random.uniform() : 0);
      sum += value;
    }
    for (std::size_t k = 0; k < kClasses; ++k) probabilities.values[r * kClasses + k] /= sum;
    given[r] = random.below(10) == 0 ? static_cast<std::uint32_t>(random.below(kClasses)) : of;
  }
  const Flagged flagged = TRY(flag(probabilities, given));
  std::vector<Figure> out{{.name = "flagging 1,000,000 x 10",
                           .value = flagged.ours_s,
                           .unit = "s",
                           .how = "one thread, median of 5"}};
  if (!flagged.peers) return out;
  out.push_back({.name = "flagging 1,000,000 x 10, against cleanlab",
                 .value = flagged.peers_s / flagged.ours_s,
                 .unit = "x",
                 .target = 4,
                 .how = "cleanlab 2.7.0, n_jobs 1: " + std::to_string(flagged.peers_s) + " s"});
  out.push_back({.name = "flagging 1,000,000 x 10: other rows than cleanlab",
                 .value = differing(flagged),
                 .unit = "rows",
                 .target = 0,
                 .better = Better::kLower,
                 .how = std::to_string(flagged.peers->size()) + " rows flagged by cleanlab"});
  return out;
}

// Rows whose given class fewer than three of five people confirmed.
std::optional<std::vector<bool>> checked_errors(const std::string& path, std::size_t rows) {
  const std::optional<std::string> text = shared_text(path);
  if (!text) return std::nullopt;
  const Result<Json> verdicts = parse_json(*text);
  if (!verdicts) return std::nullopt;
  std::vector<bool> out(rows);
  for (const Json& one : *verdicts) {
    const auto row = one["id"].get<std::size_t>();
    const Json& votes = one["mturk"];
    if (row < rows && votes["given"].get<int>() < 3) out[row] = true;
  }
  return out;
}

Result<std::vector<Figure>> checked_rows() {
  const std::optional<Dataset> table = shared_table("label-errors/cifar10_test_set_pyx.npy.gz",
                                                    "label-errors/cifar10_test_set_original_labels.npy.gz");
  if (!table) return std::vector<Figure>();
  const learn::Classes classes = TRY(learn::classes_of(*table));
  const std::vector<std::size_t> columns = table->feature_columns();
  const learn::Probabilities probabilities{.classes = columns.size(), .values = flat(*table, columns)};
  const auto wrong = checked_errors("label-errors/cifar10_mturk.json.gz", table->rows());
  if (!wrong) return std::vector<Figure>();
  const learn::LabelRanking ranking = TRY(learn::rank_labels(probabilities, classes));
  const Flagged flagged = TRY(flag(probabilities, classes.of_row));
  const auto count = std::to_string(std::ranges::count(*wrong, true));
  std::vector<Figure> out{{.name = "CIFAR-10's own errors: TPR at 1 % FPR",
                           .value = detection_of(ranking.score, *wrong).tpr,
                           .target = 0.611,
                           .how = count + " that people did not confirm, given probabilities, 10,000 rows"}};
  if (flagged.peers) {
    out.push_back({.name = "CIFAR-10's own errors: other rows than cleanlab",
                   .value = differing(flagged),
                   .unit = "rows",
                   .target = 0,
                   .better = Better::kLower,
                   .how = std::to_string(flagged.peers->size()) + " rows flagged by cleanlab 2.7.0"});
  }
  return out;
}

}  // namespace

}  // namespace sallyport::bench::data

namespace sallyport::bench {

using namespace data;

Result<std::vector<Figure>> bench_data_labels() {
  std::vector<Figure> out;
  const auto add = [&](std::vector<Figure> more) { out.insert(out.end(), more.begin(), more.end()); };
  if (const Dataset* source = mnist()) {
    add(TRY(noisy_rows(*source, Noise::kNextClass)));
    add(TRY(noisy_rows(*source, Noise::kAnyClass)));
  }
  if (auto adult = shared_table("tables/adult.csv.gz")) {
    adult->roles.label = "income-per-year";
    add(TRY(table_rows(*adult)));
  }
  add(TRY(checked_rows()));
  add(TRY(large_rows()));
  return out;
}

}  // namespace sallyport::bench
