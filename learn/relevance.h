// How well one column tells one class from the rest, alone and by source.
//
// Pure functions, safe from any thread. A missing value (NaN) is left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sallyport::learn {

// The probability that a value of `inside` rows is larger than one of the others, ties counted half (Mann and
// Whitney 1947), with how many rows of each were compared.
struct Auc {
  double value = 0.5;
  std::size_t inside = 0;
  std::size_t outside = 0;
};

// One for each group: rows of the same `group_of` are compared with one another alone. Groups count from 0;
// the spans are of one length. Time: one sort.
std::vector<Auc> auc_by_group(std::span<const double> values, std::span<const std::uint8_t> inside,
                              std::span<const std::uint32_t> group_of, std::size_t groups);

// The variance of an area with that many rows on each side when it is really `area` (Hanley and McNeil,
// Radiology 143, 1982).
double auc_variance(double area, std::size_t inside, std::size_t outside);

// The share of a column's variance that lies between the classes, by which analysis of variance ranks
// features (eta squared), over the rows for which `use` holds; 0 where nothing varies.
double variance_between(std::span<const double> values, std::span<const std::uint32_t> class_of,
                        std::size_t classes, std::span<const std::uint8_t> use);

// DerSimonian and Laird's mean of effects of several sources (Controlled Clinical Trials 7, 1986): weights
// allow for what sources honestly differ by.
struct Pooled {
  double mean = 0;
  double variance = 0;  // of the mean
  double between = 0;   // of the sources' own means around it
};
Pooled pooled_effect(std::span<const double> effects, std::span<const double> variances);

}  // namespace sallyport::learn
