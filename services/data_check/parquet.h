// Parquet files, read by sallyport-duckdb in the sandbox: the format is DuckDB's to parse, and what
// goes wrong there stays there.
//
// The worker sees the one file and a folder to write to, no network and nothing else. Safe from any thread.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/mapping.h"
#include "core/result.h"

namespace sallyport::services::data_check {

// The table as CSV, in a file that nobody else can name. Columns of numbers and truth values are numeric,
// nested ones are text as DuckDB spells it. The worker takes about `memory_bytes`, and not less than DuckDB
// needs to begin with. Error when the worker was not built, the file is damaged, or a limit of the
// confinement was reached.
Result<Mapping> convert_parquet(const std::filesystem::path& file, std::uint64_t memory_bytes);

}  // namespace sallyport::services::data_check
