// Spectral signatures (Tran, Li and Madry, "Spectral signatures in backdoor attacks", NeurIPS 2018).
//
// Within the rows of one class, poisoned rows tend to stand out along the direction of largest variance. The
// score is the squared projection of the centred row on that direction. Pure and deterministic, safe from any
// thread.
#pragma once

#include <vector>

#include "learn/matrix.h"

namespace sallyport::learn {

// One score a row, by power iteration from a fixed start; all zero when the rows do not vary.
std::vector<double> spectral_scores(const Matrix& rows);

}  // namespace sallyport::learn
