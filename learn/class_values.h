// l-diversity and t-closeness (learn/anonymity.h) of a table that is seen part by part.
//
// Of each class of rows the values of the sensitive column are counted. Where they outgrow the memory, half
// of all classes are forgotten, by the leading bits of their digests (Gibbons, VLDB 2001): the others are
// still counted exactly, and `share` says how many they are. The values of the whole table are always all
// counted. For one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/dataset.h"
#include "learn/anonymity.h"
#include "learn/row_digest.h"

namespace sallyport::learn {

class ClassValues {
 public:
  explicit ClassValues(std::size_t bytes_max) : bytes_max_(bytes_max) {}

  // The sensitive column of a part, and the classes of its rows, which are of one length. A part in which the
  // column is of another type than before is an error of the caller's.
  void add(const std::vector<RowDigest>& classes, const Column& sensitive);

  // Of the classes that are kept. l and t of no class are 0.
  Closeness closeness() const;
  // Of all classes: 1, a half, a quarter and so on; 0 when the column alone has more values than memory
  // holds.
  double share() const;

 private:
  struct Hash {
    std::size_t operator()(const RowDigest& digest) const;
    std::size_t operator()(std::uint64_t key) const;
  };
  std::uint32_t code_of(const Column& column, std::size_t row);
  bool keeps(const RowDigest& digest) const;
  void make_room();
  std::vector<std::uint32_t> ranks() const;

  std::size_t bytes_max_;
  std::size_t bytes_ = 0;        // of all
  std::size_t value_bytes_ = 0;  // of them, of the values
  unsigned halvings_ = 0;
  bool numeric_ = true;
  bool too_many_ = false;
  std::uint64_t rows_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t, Hash> numbers_;
  std::unordered_map<std::string, std::uint32_t> texts_;
  std::vector<double> value_of_;                                // of each code, of numbers
  std::vector<std::uint64_t> overall_;                          // rows of each code
  std::unordered_map<RowDigest, std::uint32_t, Hash> classes_;  // their numbers
  std::uint32_t numbered_ = 0;
  std::unordered_map<std::uint64_t, std::uint32_t, Hash> counts_;  // rows, by class number and code
};

}  // namespace sallyport::learn
