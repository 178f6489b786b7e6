// What gradient-boosted trees that never saw a row say its class is.
//
// Trees see thresholds and what columns do together, which is how tables of unlike columns are; kernels and
// neighbours see distances (Grinsztajn, Oyallon and Varoquaux, NeurIPS 2022). XGBoost (Chen and Guestrin, KDD
// 2016) trains them, on one thread a fold, so that a seed gives the same answer on any number of cores. The
// rows of each class are dealt to the folds at random.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/result.h"
#include "learn/confident.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct TreeOptions {
  std::size_t folds = 5;
  std::size_t rounds_max = 100;
  // Rows times classes times rounds times folds times dozens of columns, about 60 ns each: fewer rounds are
  // made of what would take more.
  double work_max = 4e8;
  std::uint64_t seed = 1;
  unsigned threads = 0;
  std::function<void(double share)> on_share = {};  // told how much is done, from any thread
};

// A missing value is NaN. Error kUnsupported where XGBoost is not installed, kLimit where the work allows
// fewer than kTreeRoundsMin rounds; also when there are fewer than two classes, or fewer rows than folds.
inline constexpr std::size_t kTreeRoundsMin = 20;
Result<Probabilities> out_of_fold_trees(const Matrix& features, const Classes& classes,
                                        const TreeOptions& options = {});

}  // namespace sallyport::learn
