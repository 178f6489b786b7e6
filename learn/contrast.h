// Rows of one class that share what no other class has: a direction in which the class varies far more than
// the others do, and along which a minority stands apart.
//
// Spectral signatures (Tran, Li and Madry 2018) look for poison along the direction of largest variance of a
// class, where the strokes of honest rows drown it. Here variance counts in units of what all classes have
// along the same direction: the leading generalised eigenvectors of the scatter within the class against the
// pooled scatter, which are those against the other classes' too. A stamp, a stripe or a blended pattern has
// next to no counterpart elsewhere, with right labels as with wrong ones. A row's score is how many robust
// deviations (median and MAD, the wider of the class' and the others') it stands from its class along the
// worst of them. A group is reported where a minority stands far out on one side, close together, behind a
// gap. Deterministic, safe from any thread. n rows of d features cost n * d^2 multiply-adds and 8 d^2 bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

// Features beyond this are for the caller to reduce first.
inline constexpr std::size_t kContrastFeaturesMax = 1200;

struct ContrastOptions {
  std::size_t directions = 5;  // that are looked along, of each class
  double ridge = 0.001;        // of the mean of the pooled scatter's diagonal
  std::size_t group_min = 8;   // rows of a group that is reported
  unsigned threads = 0;
};

struct PlantedGroup {
  std::uint32_t of_class = 0;
  std::vector<std::uint32_t> rows = {};  // ascending
  double distance = 0;                   // its median, in robust deviations
  double contrast = 0;                   // the class' variance there, of all classes' together
};

struct ContrastRanking {
  std::vector<double> score = {};         // one a row, 0 or more
  std::vector<PlantedGroup> groups = {};  // the farthest first
};

// Error when there are fewer than two classes or more than kContrastFeaturesMax columns. Rows of a class of
// fewer than three rows score 0.
Result<ContrastRanking> rank_by_contrast(const Matrix& features, const Classes& classes,
                                         const ContrastOptions& options = {});

}  // namespace sallyport::learn
