// Which labels of a data set look wrong, every row ranked.
//
// Two opinions that err differently are averaged by rank: the margin of out-of-fold scores
// (learn/out_of_fold.h), and the vote margin of the nearest neighbours, which never saw the row's label, in a
// space that saw none (learn/subspace.h). Tables have a third, which counts as much as the two: the margin of
// boosted trees (learn/trees.h), where XGBoost is installed and the work is not too much. Confident learning
// says which rows to call errors, by the first model's probabilities, or by the mean of both models' where
// the trees are right about clearly more of the given labels. A data set beyond `neighbour_rows` rows asks a
// sample of its rows for votes. Deterministic, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "core/result.h"
#include "learn/confident.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct LabelRankingOptions {
  std::size_t dimensions = 40;
  std::size_t voters = 11;
  std::size_t neighbour_rows = 30'000;
  enum class Trees : std::uint8_t { kLeaveOut, kAskToo } trees = Trees::kLeaveOut;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  std::function<void(double share)> on_share = {};  // told how much is done, from any thread
};

struct LabelRanking {
  std::vector<double> score = {};             // in [0, 1], larger is more suspect
  std::vector<bool> flagged = {};             // by confident learning
  std::vector<std::uint32_t> suggested = {};  // the most probable class
  Probabilities probabilities = {};           // that were used
  bool asked_trees = false;
  // The share of wrong labels among the rows whose neighbours agree on a class but for one: there what is
  // given instead is almost surely wrong. If errors are as common elsewhere, it is that of all rows. Unknown
  // without such rows.
  std::optional<double> noise = {};
  std::size_t noise_rows = 0;
};

// How many wrong labels are flagged: some rows are relabelled at random and judged by the same probabilities,
// which are out of fold, so that one row's label hardly changes its own.
struct PlantedErrors {
  std::size_t planted = 0;
  std::size_t flagged = 0;
};
Result<PlantedErrors> plant_errors(const Probabilities& probabilities, const Classes& classes,
                                   std::uint64_t seed);

// `features` are comparable (learn/encoded.h).
Result<LabelRanking> rank_labels(const Matrix& features, const Classes& classes,
                                 const LabelRankingOptions& options = {});
// From probabilities that the caller has: the margin alone.
Result<LabelRanking> rank_labels(const Probabilities& probabilities, const Classes& classes);

// (0, 1] by ascending value; equal values share the mean of their ranks.
std::vector<double> ranks(const std::vector<double>& values);

}  // namespace sallyport::learn
