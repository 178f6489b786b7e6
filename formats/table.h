// A data set from the bytes of one file, whatever its format: CSV, JSON lines, IDX, .npy, plain or
// compressed.
//
// The bytes decide, not the name. An array of n numbers is one column, `value`; of n rows, columns c0, c1 and
// so on; of n images, their pixels in row-major order with the shape set when there is one channel. Errors
// name the file, row and column. Pure, safe from any thread. Limits: core/limits/data.h.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "core/bytes.h"
#include "core/dataset.h"
#include "core/result.h"
#include "formats/array.h"
#include "formats/codec.h"
#include "formats/table_reader.h"

namespace sallyport::formats {

// Roles are set as they are given; Error when the table lacks one of their columns. Parquet is kUnsupported
// here: DuckDB's worker reads it.
Result<Dataset> read_table(BytesView bytes, const std::string& name, const Roles& roles = {});
Result<Dataset> table_of(const Array& array, const std::string& name);

bool is_parquet(BytesView bytes);

// Hands out what a compressed stream holds, as bytes that outlive the reader of the table.
using Unpack = std::function<Result<BytesView>(Codec, BytesView)>;

struct OpenOptions {
  Roles roles = {};
  Unpack unpack = {};
  Passed passed = {};
};
// The same table in parts, of any size. `bytes` outlives the reader.
Result<std::unique_ptr<TableReader>> open_table(BytesView bytes, const OpenOptions& options);

// Error when the stream did not end with the bytes that hold it.
Result<void> whole_stream(Codec codec, const Inflated& inner, BytesView packed);

}  // namespace sallyport::formats
