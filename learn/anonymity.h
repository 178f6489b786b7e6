// How well rows hide among one another: k-anonymity, l-diversity and t-closeness of a table, and what a join
// with another table gives away.
//
// Rows with equal quasi-identifiers are one class. k is the size of the smallest class (Sweeney 2002); l the
// fewest distinct sensitive values of a class (Machanavajjhala et al. 2007, distinct l-diversity); t the
// largest distance of a class' sensitive values to those of the table (Li, Li and Venkatasubramanian 2007):
// total variation for text, the ordered distance for numbers. Mondrian (LeFevre et al. 2006) repairs a table.
// Pure functions, safe from any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::learn {

struct EquivalenceClasses {
  std::vector<std::uint32_t> of_row = {};
  std::vector<std::uint32_t> sizes = {};

  std::size_t smallest() const;
  std::size_t rows_in_classes_below(std::size_t k) const;
};

// `columns` are indices into data.columns; without any, all rows are one class.
EquivalenceClasses equivalence_classes(const Dataset& data, std::span<const std::size_t> columns);

struct Closeness {
  std::size_t l = 0;
  double t = 0;
};
// `sensitive` is an index into data.columns.
Closeness closeness_of(const Dataset& data, const EquivalenceClasses& classes, std::size_t sensitive);

// Every set of up to `size_max` of these columns, smaller sets first.
std::vector<std::vector<std::size_t>> column_sets(std::span<const std::size_t> columns, std::size_t size_max);

// How many rows of `outside` have the quasi-identifiers of exactly one row of `data`. Columns are matched by
// name. Error when a column is missing on either side.
Result<std::size_t> linked_uniquely(const Dataset& data, const Dataset& outside,
                                    std::span<const std::string> columns);

// The table with its quasi-identifiers made coarse until every class has at least `k` rows: a number becomes
// "20-29", texts become "A|B". Error when there are fewer than `k` rows.
Result<Dataset> generalised(const Dataset& data, std::span<const std::size_t> columns, std::size_t k);

}  // namespace sallyport::learn
