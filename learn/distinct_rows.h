// The first row and the number of rows of each digest, in bounded memory: a hash table that, when it is full,
// forgets half of all digests and goes on exactly with the others.
//
// Which digests are kept follows from their leading bits alone (Gibbons, VLDB 2001), so for those every row
// is counted, and `share` says how many of all digests they are. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "learn/row_digest.h"

namespace sallyport::learn {

class DistinctRows {
 public:
  struct Entry {
    RowDigest digest = {};
    std::uint64_t first = 0;  // the row that was added first
    std::uint64_t count = 0;  // rows; 0: the slot is free
  };

  // `bytes_max` includes what growing takes for a moment.
  explicit DistinctRows(std::size_t bytes_max);

  // The entry with this row counted; nullptr when its digest is not kept. Valid until the next call.
  const Entry* add(const RowDigest& digest, std::uint64_t row);
  const Entry* find(const RowDigest& digest) const;
  // Of all digests, 1 or a half, a quarter and so on.
  double share() const;
  // In no particular order; free slots among them.
  const std::vector<Entry>& slots() const { return slots_; }

 private:
  bool keeps(const RowDigest& digest) const;
  std::size_t slot_of(const RowDigest& digest) const;
  void rebuild(std::size_t slots);

  std::size_t slots_max_;
  unsigned halvings_ = 0;
  std::size_t used_ = 0;
  std::vector<Entry> slots_;
};

}  // namespace sallyport::learn
