// The data set that a command line names: files of one table, a folder of pictures, labels from a column or
// from a file of their own.
//
// Safe from any thread; the files are mapped while they are read.
#pragma once

#include <filesystem>
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

// A column that plays the part of the label in most tables, or "".
std::string usual_label(const Dataset& data);

}  // namespace sallyport::services::data_check
