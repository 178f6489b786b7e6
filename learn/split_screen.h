// Rows of an evaluation split whose label nothing that is known speaks for, before the split is sealed.
//
// A row is unsupported when none of its nearest rows in the reference has its label. Rows planted to favour a
// backdoored model are: they look like another class than they say. Honest data has such rows too; how many
// is learnt from the reference itself, each row against the others, and the split is suspicious when it has
// more than that rate explains. Features are scaled to the reference's range, so what never varies there
// cannot hide in a distance. Pure; deterministic.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::learn {

struct SplitScreen {
  std::size_t rows = 0;
  std::size_t reference_rows = 0;
  std::vector<std::size_t> unsupported = {};  // rows of the split, in order
  double base_rate = 0;                       // of the reference, one added for what it did not show
  double p_value = 1;                         // P[as many or more at the base rate]
};

struct SplitScreenOptions {
  std::size_t neighbours = 5;
};

// Both tables need the same features and a label. Error when they differ or the reference has fewer rows than
// twice the neighbours.
Result<SplitScreen> screen_split(const Dataset& split, const Dataset& reference,
                                 const SplitScreenOptions& options = {});

}  // namespace sallyport::learn
