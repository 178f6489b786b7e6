// A table in memory, as the dataset guards see it: named columns, and which column plays which part.
//
// A numeric column keeps doubles, a text column keeps strings; a missing number is NaN. The features are the
// numeric columns that have no role. An image data set is a table whose features are its pixels in row-major
// order.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport {

struct Column {
  std::string name;
  bool numeric = true;
  std::vector<double> numbers = {};     // when numeric
  std::vector<std::string> texts = {};  // when not

  std::size_t size() const { return numeric ? numbers.size() : texts.size(); }
};

// Names of the columns with a part to play; empty when the data set has none.
struct Roles {
  std::string label = {};
  std::string id = {};
  std::string contributor = {};
  std::string group = {};
  std::string time = {};  // numbers, or text that sorts by time (RFC 3339)

  std::array<std::string_view, 5> all() const { return {label, id, contributor, group, time}; }
  // Whether the column plays a part; the empty name never does.
  bool covers(std::string_view column) const;
};

struct ImageShape {
  int height = 0;
  int width = 0;
  double max_value = 0;
};

struct Dataset {
  std::string name = {};
  std::size_t first_row = 0;  // the row number of the first row in the whole data set, when this is a shard
  std::vector<Column> columns = {};
  Roles roles = {};
  ImageShape image = {};

  std::size_t rows() const { return columns.empty() ? 0 : columns.front().size(); }
  const Column* find(std::string_view column) const;
  // Indices into `columns` of the numeric columns without a role.
  std::vector<std::size_t> feature_columns() const;
  // The rows [begin, end) as a data set of their own; first_row follows.
  Dataset slice(std::size_t begin, std::size_t end) const;
  // The rows with the given indices, in that order.
  Dataset pick(const std::vector<std::size_t>& rows) const;
  // The label of each row as text ("3", "malignant"). Error when there is no label column.
  Result<std::vector<std::string>> labels() const;
  // The id of each row as text; row numbers when there is no id column.
  std::vector<std::string> ids() const;
};

// "3" for 3.0 and the shortest decimal that reads back otherwise: numbers compare as text across encodings.
std::string number_text(double value);

}  // namespace sallyport
