// What the neighbours of a row say its class is: a second opinion on a label that never saw the label.
//
// Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "core/dataset.h"
#include "learn/matrix.h"
#include "learn/neighbours.h"

namespace sallyport::learn {

inline constexpr std::uint32_t kNoVote = std::numeric_limits<std::uint32_t>::max();

// The features in units in which a distance means something: the pixels of an image as they are, each column
// of another table at mean 0 and standard deviation 1. A missing value is its column's median.
Result<Matrix> comparable_features(const Dataset& data);

// The commonest class among the first `voters` neighbours for which accept(row) holds; of equally common
// ones, that of the nearest. kNoVote when no neighbour is accepted.
template <class Accept>
std::uint32_t vote(std::span<const Neighbour> neighbours, std::span<const std::uint32_t> class_of_row,
                   std::size_t voters, Accept accept) {
  constexpr std::size_t kVotersMax = 64;
  struct Tally {
    std::uint32_t of_class = kNoVote;
    std::uint32_t votes = 0;
  };
  Tally tallies[kVotersMax];
  std::size_t classes = 0;
  std::size_t voted = 0;
  for (const Neighbour& neighbour : neighbours) {
    if (voted == voters || voted == kVotersMax) break;
    if (!accept(neighbour.row)) continue;
    ++voted;
    std::size_t at = 0;
    while (at < classes && tallies[at].of_class != class_of_row[neighbour.row]) ++at;
    if (at == classes) tallies[classes++].of_class = class_of_row[neighbour.row];
    ++tallies[at].votes;
  }
  Tally best;
  for (std::size_t i = 0; i < classes; ++i) {
    if (tallies[i].votes > best.votes) best = tallies[i];
  }
  return best.of_class;
}

}  // namespace sallyport::learn
