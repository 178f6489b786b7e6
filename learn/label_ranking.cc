#include "learn/label_ranking.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "learn/neighbours.h"
#include "learn/out_of_fold.h"
#include "learn/random.h"
#include "learn/subspace.h"
#include "learn/trees.h"

namespace sallyport::learn {
namespace {

// Of the time, about: by when the space is there, and the model's scores.
constexpr double kSpaceShare = 0.1;
constexpr double kModelShare = 0.6;
constexpr double kTreesShare = 0.5;  // of all, where trees are asked too
constexpr double kClearlyMore = 0.01;

std::function<void(double)> part_of(const std::function<void(double)>& on_share, double from, double to) {
  if (!on_share) return {};
  return [&on_share, from, to](double share) { on_share(from + share * (to - from)); };
}

// Votes for the likeliest other class minus those for the given one, as a share of the voters.
std::vector<double> vote_margins(const Neighbours& neighbours,
                                 const std::vector<std::uint32_t>& class_of_point,
                                 const std::vector<std::uint32_t>& given, std::size_t classes) {
  std::vector<double> out(given.size());
  std::vector<double> votes(classes);
  for (std::size_t r = 0; r < given.size(); ++r) {
    std::ranges::fill(votes, 0.0);
    for (const Neighbour& neighbour : neighbours.of(r)) votes[class_of_point[neighbour.row]] += 1;
    const double own = votes[given[r]];
    votes[given[r]] = 0;
    out[r] = *std::ranges::max_element(votes) - own;
  }
  return out;
}

Result<std::vector<double>> neighbour_margins(const Matrix& space, const Classes& classes,
                                              const LabelRankingOptions& options) {
  const std::size_t count = classes.names.size();
  NeighbourOptions asked{.count = options.voters, .features = {}, .threads = options.threads};
  asked.on_share = part_of(options.on_share, kModelShare, 1);
  if (space.rows() <= options.neighbour_rows) {
    const Neighbours all = TRY(nearest_others(space, asked));
    return vote_margins(all, classes.of_row, classes.of_row, count);
  }
  Random random(derive_seed(options.seed, 2));
  std::vector<std::size_t> rows = random.sample(space.rows(), options.neighbour_rows);
  std::ranges::sort(rows);
  std::vector<std::uint32_t> class_of_point;
  for (const std::size_t row : rows) class_of_point.push_back(classes.of_row[row]);
  // A row of the sample finds itself first; its own vote is one too many, the same for all of the sample.
  asked.count = options.voters + 1;
  const Neighbours found = TRY(nearest(space.pick_rows(rows), space, asked));
  Neighbours others(space.rows(), std::min(options.voters, found.count() - 1));
  for (std::size_t r = 0; r < space.rows(); ++r) {
    std::size_t kept = 0;
    for (const Neighbour& neighbour : found.of(r)) {
      if (rows[neighbour.row] != r && kept < others.count()) others.of(r)[kept++] = neighbour;
    }
  }
  return vote_margins(others, class_of_point, classes.of_row, count);
}

std::vector<std::uint32_t> most_probable(const Probabilities& probabilities) {
  std::vector<std::uint32_t> out;
  for (std::size_t r = 0; r < probabilities.rows(); ++r) {
    const std::span<const double> row = probabilities.row(r);
    out.push_back(static_cast<std::uint32_t>(std::ranges::max_element(row) - row.begin()));
  }
  return out;
}

}  // namespace

std::vector<double> ranks(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> out(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;
    while (end < order.size() && values[order[end]] == values[order[begin]]) ++end;
    for (std::size_t i = begin; i < end; ++i) {
      out[order[i]] = static_cast<double>(begin + end + 1) / 2 / static_cast<double>(values.size());
    }
    begin = end;
  }
  return out;
}

namespace {

std::size_t agreed(const std::vector<std::uint32_t>& suggested, const Classes& classes) {
  std::size_t out = 0;
  for (std::size_t r = 0; r < suggested.size(); ++r) out += suggested[r] == classes.of_row[r] ? 1 : 0;
  return out;
}

// The trees' margin counts as much as the rest. Where they are right about clearly more of the given labels,
// their probabilities count as much as the other model's.
Result<void> ask_trees(const Matrix& features, const Classes& classes, const LabelRankingOptions& options,
                       LabelRanking& out) {
  TreeOptions asked{.seed = options.seed, .threads = options.threads};
  asked.on_share = part_of(options.on_share, 1 - kTreesShare, 1);
  Result<Probabilities> trees = out_of_fold_trees(features, classes, asked);
  // Without them there are two opinions, as for pictures.
  if (!trees) return {};
  const LabelRanking theirs = TRY(rank_labels(*trees, classes));
  const std::vector<double> by_trees = ranks(theirs.score);
  for (std::size_t r = 0; r < by_trees.size(); ++r) out.score[r] = (out.score[r] + by_trees[r]) / 2;
  out.asked_trees = true;
  const double more = static_cast<double>(agreed(theirs.suggested, classes)) -
                      static_cast<double>(agreed(out.suggested, classes));
  if (more < kClearlyMore * static_cast<double>(out.suggested.size())) return {};
  for (std::size_t i = 0; i < trees->values.size(); ++i)
    out.probabilities.values[i] = (out.probabilities.values[i] + trees->values[i]) / 2;
  out.flagged = TRY(label_errors(out.probabilities, classes.of_row));
  out.suggested = most_probable(out.probabilities);
  return {};
}

Result<LabelRanking> rank_by_distances(const Matrix& features, const Classes& classes,
                                       const LabelRankingOptions& options) {
  const Matrix space = TRY(compressed(features, options.dimensions, options.threads));
  OutOfFoldOptions folds{.seed = options.seed, .threads = options.threads};
  folds.on_share = part_of(options.on_share, kSpaceShare, kModelShare);
  const Matrix scores = TRY(out_of_fold_scores(space, classes, folds));
  const Probabilities probabilities = as_probabilities(scores);
  LabelRanking out;
  out.flagged = TRY(label_errors(probabilities, classes.of_row));
  out.suggested = most_probable(probabilities);
  const std::vector<double> by_model = ranks(margins(scores, classes.of_row));
  const std::vector<double> votes = TRY(neighbour_margins(space, classes, options));
  const std::vector<double> by_votes = ranks(votes);
  for (std::size_t r = 0; r < by_model.size(); ++r) out.score.push_back((by_model[r] + by_votes[r]) / 2);
  const double agreed = static_cast<double>(std::min(options.voters, features.rows() - 1)) - 2;
  double wrong = 0;
  for (const double vote : votes) {
    if (agreed <= 0 || std::abs(vote) < agreed) continue;
    ++out.noise_rows;
    wrong += vote > 0 ? 1 : 0;
  }
  if (out.noise_rows > 0) out.noise = wrong / static_cast<double>(out.noise_rows);
  out.probabilities = probabilities;
  return out;
}

}  // namespace

Result<LabelRanking> rank_labels(const Matrix& features, const Classes& classes,
                                 const LabelRankingOptions& options) {
  if (options.trees == LabelRankingOptions::Trees::kLeaveOut)
    return rank_by_distances(features, classes, options);
  LabelRankingOptions first = options;
  first.on_share = part_of(options.on_share, 0, 1 - kTreesShare);
  LabelRanking out = TRY(rank_by_distances(features, classes, first));
  TRY(ask_trees(features, classes, options, out));
  return out;
}

Result<LabelRanking> rank_labels(const Probabilities& probabilities, const Classes& classes) {
  LabelRanking out;
  out.flagged = TRY(label_errors(probabilities, classes.of_row));
  out.suggested = most_probable(probabilities);
  for (std::size_t r = 0; r < classes.of_row.size(); ++r) {
    const std::span<const double> row = probabilities.row(r);
    double best = -1;
    for (std::size_t k = 0; k < row.size(); ++k) {
      if (k != classes.of_row[r]) best = std::max(best, row[k]);
    }
    out.score.push_back((1 + best - row[classes.of_row[r]]) / 2);
  }
  out.probabilities = probabilities;
  return out;
}

Result<PlantedErrors> plant_errors(const Probabilities& probabilities, const Classes& classes,
                                   std::uint64_t seed) {
  constexpr double kShare = 0.05;
  PlantedErrors out;
  if (classes.names.size() < 2) return out;
  Random random(derive_seed(seed, 3));
  const auto count = static_cast<std::size_t>(kShare * static_cast<double>(classes.of_row.size()));
  const std::vector<std::size_t> rows = random.sample(classes.of_row.size(), count);
  std::vector<std::uint32_t> given = classes.of_row;
  for (const std::size_t row : rows) {
    const auto step = static_cast<std::uint32_t>(1 + random.below(classes.names.size() - 1));
    given[row] = (given[row] + step) % static_cast<std::uint32_t>(classes.names.size());
  }
  const std::vector<bool> flagged = TRY(label_errors(probabilities, given));
  out.planted = rows.size();
  for (const std::size_t row : rows) out.flagged += flagged[row] ? 1 : 0;
  return out;
}

}  // namespace sallyport::learn
