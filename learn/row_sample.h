// A sample of the rows of a data set that shards make apart and merge: the rows whose keyed number is
// smallest.
//
// Which rows are in it depends on the row numbers and the seed alone, so every sharding and every order of
// merging gives the same sample, and a data set of at most `rows_max` rows is its own sample. Memory is that
// of `rows_max` rows on either side of a merge. Whoever writes the data chooses where his rows stand: against
// him the seed must be one that he does not know. Values; safe from any thread while nobody writes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::learn {

struct RowSample {
  std::uint64_t seen = 0;  // rows that it was drawn from
  std::size_t rows_max = 0;
  std::uint64_t seed = 0;
  Dataset rows = {};                        // by row number, once `settled`
  std::vector<std::uint64_t> numbers = {};  // the row number in the whole data set of each of `rows`
  bool mixed = false;                       // shards disagreed on the columns or their types

  bool whole() const { return seen == numbers.size(); }
};

RowSample sample_rows(const Dataset& shard, std::size_t rows_max, std::uint64_t seed);
// Both of one `rows_max` and seed.
RowSample merge(RowSample a, RowSample b);
// The same sample by ascending row number, the order in which a verdict is computed. Error when it is
// `mixed`.
Result<RowSample> settled(RowSample sample);

}  // namespace sallyport::learn
