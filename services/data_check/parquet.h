// Parquet files as tables, read by sallyport-duckdb in the sandbox: the format is DuckDB's to parse, and what
// goes wrong there stays there.
//
// The worker sees the one file and a folder to write to, no network and nothing else. Safe from any thread.
#pragma once

#include <filesystem>

#include "core/dataset.h"
#include "core/result.h"

namespace sallyport::services::data_check {

// Columns of numbers and truth values are numeric, nested ones are text as DuckDB spells it. Error when the
// worker was not built, the file is damaged, or a limit of the confinement was reached.
Result<Dataset> load_parquet(const std::filesystem::path& file);

}  // namespace sallyport::services::data_check
