// acq-source-poisoning enacted: of 12 people who contribute handwritten digits, one relabels 60 % of his
// threes as eights. Three others look worse than he does and are honest: everyone's labels have 1 % of noise,
// one has a scanner that is askew by 10 degrees, one sends nothing but the most atypical digits of all.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "drills/data.h"
#include "drills/drill.h"
#include "drills/images.h"
#include "learn/votes.h"

namespace sallyport::data_engineering::data_acquisition {

extern const drills::Drill directional_contributor_drill;

namespace {

constexpr std::size_t kContributors = 12;
constexpr std::size_t kPoisoner = 4;
constexpr std::size_t kAskew = 7;
constexpr std::size_t kAtypical = 9;
constexpr double kNoise = 0.01;
constexpr double kFlipped = 0.6;
// Of the genuine threes that a classifier reads as eights: without the poisoner under 1 % of them.
constexpr double kHarm = 0.02;

struct Corpus {
  Dataset rows;
  std::vector<std::string> truth;
  double threes_read_as_eights = 0;
};

// The digits by mean distance to their five nearest, farthest first.
Result<std::vector<std::size_t>> by_atypicality() {
  const Dataset& data = drills::digits();
  const auto neighbours = TRY(learn::nearest_others(TRY(learn::features_of(data)), {.count = 5}));
  std::vector<float> distance;
  for (std::size_t row = 0; row < data.rows(); ++row) {
    float sum = 0;
    for (const learn::Neighbour& neighbour : neighbours.of(row)) sum += std::sqrt(neighbour.squared_distance);
    distance.push_back(sum);
  }
  std::vector<std::size_t> order(data.rows());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return distance[a] > distance[b]; });
  return order;
}

std::string name_of_contributor(std::size_t index) {
  return (index < 9 ? "c0" : "c") + std::to_string(index + 1);
}

Result<std::vector<std::size_t>> contributor_of_each(learn::Random& random) {
  static const auto order = by_atypicality();
  if (!order) return std::unexpected(order.error());
  const std::size_t rows = order->size();
  const auto each = static_cast<std::ptrdiff_t>(rows / kContributors);
  std::vector<std::size_t> of_row(rows, kAtypical);
  std::vector<std::size_t> rest(order->begin() + each, order->end());
  random.shuffle(std::span(rest));
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const std::size_t who = i % (kContributors - 1);
    of_row[rest[i]] = who < kAtypical ? who : who + 1;
  }
  return of_row;
}

Result<void> collect(drills::World& world) {
  learn::Random random(world.seed());
  Corpus& corpus = world.state<Corpus>();
  corpus.rows = drills::digits();
  corpus.rows.name = "corpus";
  corpus.rows.roles.contributor = "contributor";
  corpus.truth = TRY(corpus.rows.labels());
  const std::vector<std::size_t> of_row = TRY(contributor_of_each(random));
  Column column{.name = "contributor", .numeric = false};
  for (std::size_t row = 0; row < of_row.size(); ++row) {
    column.texts.push_back(name_of_contributor(of_row[row]));
    if (of_row[row] == kAskew) {
      drills::set_image(corpus.rows, row,
                        drills::rotated(drills::image_at(corpus.rows, row), corpus.rows.image, 10));
    }
    if (random.uniform() < kNoise) drills::set_label(corpus.rows, row, std::to_string(random.below(10)));
  }
  corpus.rows.columns.push_back(std::move(column));
  return {};
}

Result<void> attack(drills::World& world) {
  TRY(collect(world));
  Corpus& corpus = world.state<Corpus>();
  const std::vector<std::string>& who = corpus.rows.find("contributor")->texts;
  std::vector<std::size_t> threes;
  for (std::size_t row = 0; row < corpus.truth.size(); ++row) {
    if (corpus.truth[row] == "3" && who[row] == name_of_contributor(kPoisoner)) threes.push_back(row);
  }
  learn::Random random(learn::derive_seed(world.seed(), 1));
  random.shuffle(std::span(threes));
  threes.resize(static_cast<std::size_t>(std::lround(kFlipped * static_cast<double>(threes.size()))));
  for (const std::size_t row : threes) drills::set_label(corpus.rows, row, "8");
  return {};
}

// A nearest-neighbour classifier on the corpus, asked about each genuine three without that row itself.
Result<void> train(drills::World& world) {
  Corpus& corpus = world.state<Corpus>();
  const auto nearest = TRY(learn::nearest_others(TRY(learn::features_of(corpus.rows)), {.count = 1}));
  const std::vector<std::string> given = TRY(corpus.rows.labels());
  double threes = 0;
  double eights = 0;
  for (std::size_t row = 0; row < given.size(); ++row) {
    if (corpus.truth[row] != "3") continue;
    ++threes;
    eights += given[nearest.of(row).front().row] == "8" ? 1 : 0;
  }
  corpus.threes_read_as_eights = eights / threes;
  return {};
}

bool harmed(const drills::World& world) { return world.state<Corpus>().threes_read_as_eights >= kHarm; }

Result<Subjects> present(drills::World& world) {
  return Subjects{.datasets = {{"raw", {.data = &world.state<Corpus>().rows}}}};
}

}  // namespace

const drills::Drill directional_contributor_drill{
    .threat = "acq-source-poisoning",
    .story =
        "one of 12 contributors to a corpus of digits relabels 60 % of his threes, some 9 rows, as eights",
    .honest_story =
        "12 honest contributors: 1 % noise, one scanner askew by 10 degrees, one sender of oddities",
    .attack = attack,
    .honest = collect,
    .victim = train,
    .harmed = harmed,
    .present = present,
    .trials = 20,
    .harm_at_least = 0.85,
    .rate_at_least = 0.95,
    .false_positive_at_most = 0.05,
    .harm = "a classifier trained on the corpus reads at least 2 % of the threes as eights",
};

}  // namespace sallyport::data_engineering::data_acquisition
