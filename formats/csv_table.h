// A table from CSV, part by part; formats/csv.h has the same whole.
#pragma once

#include <memory>
#include <string_view>

#include "formats/csv.h"
#include "formats/table_reader.h"

namespace sallyport::formats::csv {

// `text` outlives the reader. A row beyond limits::kCsvRowBytesMax is an error.
Result<std::unique_ptr<TableReader>> open(std::string_view text, const Options& options,
                                          const Passed& passed = {});

}  // namespace sallyport::formats::csv
