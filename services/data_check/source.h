// The data set that a command line names: files of one table, a folder of pictures, labels from a column or
// from a file of their own; read whole, or part by part in memory that does not follow its size.
//
// Safe from any thread; a Source's files are mapped while they are read. A Table is for one thread.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/dataset.h"
#include "core/env.h"
#include "core/result.h"

namespace sallyport::services::data_check {

struct Source {
  std::vector<std::filesystem::path> paths = {};
  std::string labels = {};  // a column, or a file of one column; empty: a column that is called so
  Roles roles = {};         // without the label
};

// Files of the same columns are stacked in order. Rows count from 0 through all of them.
Result<Dataset> load(const Source& source);
Result<Dataset> load_file(const std::filesystem::path& path);

// A column that plays the part of the label in most tables, or "". A column of numbers that holds too many
// different ones for classes, or fractions, is a quantity whatever its name.
std::string usual_label(const Dataset& data);

class Table {
 public:
  // `memory_bytes` is what reading may take; compressed files beyond it pass through temporary ones.
  static Result<Table> open(const Source& source, std::size_t memory_bytes);
  Table(Table&&) noexcept;
  Table& operator=(Table&&) noexcept;
  ~Table();

  // The parts that columns play, of those that it has.
  void play(const Roles& roles);

  // Names, types, roles and the shape of pictures, without rows.
  const Dataset& head() const;
  std::uint64_t rows() const;
  // What all rows take in memory.
  std::uint64_t bytes() const;

  // Every row in order, in parts of about `part_bytes`.
  Result<void> each(std::size_t part_bytes, const std::function<Result<void>(Dataset part)>& on_part);
  Result<Dataset> whole();

 private:
  struct State;
  explicit Table(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sallyport::services::data_check
