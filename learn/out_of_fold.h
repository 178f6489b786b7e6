// What a model that never saw a row says its class is: cross-validated scores from our own model.
//
// Kernel ridge regression on the classes by random Fourier features (Rahimi and Recht 2007): the squared loss
// forgets single wrong labels, the fit is one linear system a fold, and the Gram matrices of the folds are
// computed once. The width of the kernel follows from the variance of the features. n rows cost about
// n * bases^2 multiply-adds; bases are in memory for one part of the rows at a time. Deterministic for a
// seed, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

struct OutOfFoldOptions {
  std::size_t folds = 3;
  std::size_t bases = 1000;
  double ridge = 0.001;  // of the mean of the Gram matrix' diagonal
  std::uint64_t seed = 1;
  unsigned threads = 0;
  std::function<void(double share)> on_share = {};  // told how much is done
};

// One row a row, one column a class: near 1 for the class and near 0 for the others, and not confined to
// [0, 1]. Error when there are fewer rows than folds or fewer than two classes.
Result<Matrix> out_of_fold_scores(const Matrix& features, const Classes& classes,
                                  const OutOfFoldOptions& options = {});

}  // namespace sallyport::learn
