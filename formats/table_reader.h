// A table that is read part by part, so that memory does not follow its size.
//
// Opening reads all of it once, to learn how many rows there are and which columns are numbers throughout;
// the parts then come in order, and again after `rewind`. The bytes outlive the reader, which is for one
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::formats {

struct TableShape {
  std::vector<Column> columns = {};  // names and types, without cells
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;  // of memory, when all rows are in it
  ImageShape image = {};
};

// Is called every few mebibytes: whoever keeps the bytes may let go of those that lie in memory.
using Passed = std::function<void()>;
inline constexpr std::size_t kPassedEveryBytes = std::size_t{4} << 20;

inline constexpr std::size_t kAllRows = static_cast<std::size_t>(-1);

class TableReader {
 public:
  virtual ~TableReader() = default;
  virtual const TableShape& shape() const = 0;
  // The next rows, about `bytes_max` of memory and at least one, `first_row` set; no row at the end.
  virtual Result<Dataset> next(std::size_t bytes_max) = 0;
  virtual void rewind() = 0;
};

// What a cell takes in memory.
inline constexpr std::size_t kNumberBytes = sizeof(double);
inline std::size_t text_cell_bytes(std::size_t length) {
  constexpr std::size_t kInPlace = 15;
  return sizeof(std::string) + (length > kInPlace ? length + 17 : 0);
}

}  // namespace sallyport::formats
