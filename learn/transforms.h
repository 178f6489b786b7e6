// The declared transforms of a preprocessing step: what it may do, written down so that it can be done again.
//
// A declaration is an object {"transforms": [...]}; each entry has `op`, `columns` and what the operation
// needs:
//   scale   by: robust (median and median absolute deviation), standard (mean and deviation, of n) or range
//   clip    low, high
//   fill    with: median, or a number          missing numbers
//   round   digits
//   log     log(1 + x)
//   drop                                       the columns leave
//   labels  map: {"M": "1"}                    cells of text or numbers, by their spelling; others stay
// They are applied in order, each fitted on the table as the ones before it left it. A constant column scales
// to 0. The robust scale is that of Rousseeuw and Croux (1993): one row in two may be anything before it
// breaks, where a single row moves a mean and a deviation as far as it likes. Pure functions, safe from any
// thread. Limit: kTransformsMax.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::learn {

inline constexpr std::size_t kTransformsMax = 1000;

struct Transform {
  enum class Op : std::uint8_t { kScale, kClip, kFill, kRound, kLog, kDrop, kLabels };
  enum class By : std::uint8_t { kRobust, kStandard, kRange };
  Op op = Op::kScale;
  std::vector<std::string> columns = {};
  By by = By::kRobust;
  double low = 0;
  double high = 0;
  bool with_median = false;
  double with = 0;
  int digits = 0;
  std::map<std::string, std::string> labels = {};
};

// Error that names the entry: an unknown operation or member, a missing or useless parameter.
Result<std::vector<Transform>> transforms_of(const Json& declaration);

// Error when a column is missing or holds text where numbers are needed.
Result<Dataset> transformed(Dataset data, const std::vector<Transform>& transforms);

// One cell, row or column that is not what the transforms make.
struct Difference {
  enum class Kind : std::uint8_t { kCell, kAdded, kDropped, kColumnMissing, kColumnAdded, kRepeatedId };
  Kind kind = Kind::kCell;
  std::uint64_t row = 0;  // of the table after; of the one before where the row is gone
  std::string column = {};
  std::string expected = {};
  std::string found = {};
};

struct DifferenceOptions {
  double tolerance = 1e-6;  // of the column's range: what single precision and another order of sums do
  std::size_t listed_max = 100'000;
};

struct Differences {
  std::vector<Difference> listed = {};              // by row, then by column
  std::map<std::string, std::uint64_t> cells = {};  // of each column, listed or not
  std::uint64_t added = 0;
  std::uint64_t dropped = 0;
  std::uint64_t repeated = 0;
  std::uint64_t joined = 0;  // rows
};

// Joins both tables by their ids and compares every cell of every column. Error without an id column on both.
Result<Differences> differences(const Dataset& expected, const Dataset& found,
                                const DifferenceOptions& options = {});

}  // namespace sallyport::learn
