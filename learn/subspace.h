// Rows in few dimensions: their coordinates along orthonormal directions that span nearly what the strongest
// principal components span.
//
// Randomised subspace iteration on the covariance (Halko, Martinsson and Tropp 2011, algorithm 4.4) from a
// fixed start. Distances between rows are what they would be after PCA; single coordinates mean nothing.
// Deterministic, safe from any thread.
#pragma once

#include <cstddef>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

// Rows relative to the mean; as they are, relative to the mean, when they have at most `count` columns.
// Error when there are no rows or more than kPcaFeaturesMax columns.
Result<Matrix> compressed(const Matrix& rows, std::size_t count, unsigned threads = 0);

}  // namespace sallyport::learn
