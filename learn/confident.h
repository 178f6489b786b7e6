// Confident learning: which given labels are errors, from probabilities of a model that never saw them.
//
// Northcutt, Jiang and Chuang, "Confident learning" (JAIR 70, 2021): a row counts as confidently of class j
// when its probability of j reaches the mean probability of j among the rows labelled j. The counts of given
// against confident class, calibrated to the number of rows of each given class, say how many errors of each
// kind there are; the rows with the largest margin of j over the given class are pruned (prune by noise
// rate). A row whose given class is also its most probable one is never flagged. Deterministic, safe from any
// thread. One pass over the probabilities.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

// Of every row the probability of every class, row after row; values.size() is a multiple of classes.
struct Probabilities {
  std::size_t classes = 0;
  std::vector<double> values = {};

  std::size_t rows() const { return classes == 0 ? 0 : values.size() / classes; }
  std::span<const double> row(std::size_t r) const { return {values.data() + r * classes, classes}; }
};

// counts[given][confident], calibrated, in row-major order.
struct ConfidentJoint {
  std::size_t classes = 0;
  std::vector<std::uint64_t> counts = {};
};

// `given` is the class of each row. Error when the
// sizes differ, a class has no column, or a value is not finite.
Result<ConfidentJoint> confident_joint(const Probabilities& probabilities,
                                       std::span<const std::uint32_t> given);
Result<std::vector<bool>> label_errors(const Probabilities& probabilities,
                                       std::span<const std::uint32_t> given);

// Scores as probabilities: cut at 0 and divided by their sum.
Probabilities as_probabilities(const Matrix& scores);

// The largest score of another class minus that of the given one, of each row: larger is more suspect.
std::vector<double> margins(const Matrix& scores, std::span<const std::uint32_t> given);

}  // namespace sallyport::learn
