// How often a report on drift cries wolf over these very columns, and how often it sees one that moved.
//
// The rows of both sides are pooled and dealt out anew at random, all columns of a row together, so that
// nothing drifted and the columns hang together as they do; every deal is judged as the report judges, and
// once more with one column moved for the power. Deals are of at most `rows_max` rows a side, since the power
// at more is no less. Deterministic for a seed, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "core/dataset.h"

namespace sallyport::learn {

struct DriftTrialOptions {
  double rate = 0.01;   // of Benjamini and Hochberg's procedure
  double shift = 0.25;  // deviations by which a column of numbers is moved
  std::size_t rows_max = 1000;
  std::size_t work = 6'000;  // deals times columns; at least kDealsMin and at most kDealsMax deals
  std::uint64_t seed = 1;
  unsigned threads = 0;
};

inline constexpr std::size_t kDealsMin = 40;
inline constexpr std::size_t kDealsMax = 400;

struct DriftTrials {
  std::size_t deals = 0;   // of which nothing drifted
  std::size_t alarms = 0;  // deals in which a column was called drifted
  std::size_t moved = 0;   // deals with a moved column; 0 when no column holds numbers
  std::size_t caught = 0;  // those in which that column was called drifted
  std::size_t rows = 0;    // a side
  std::size_t reference_rows = 0;
};

// Pairs of columns of one type, the data's and the reference's; each side's columns are of one length.
DriftTrials drift_trials(const std::vector<std::pair<const Column*, const Column*>>& columns,
                         const DriftTrialOptions& options = {});

}  // namespace sallyport::learn
