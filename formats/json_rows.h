// Tables as JSON: one object a line (JSON lines), or one array of objects.
//
// A member is a column, in the order of first appearance. Numbers, true and false make a numeric column and
// null a missing value; a list of numbers of one length everywhere becomes name.0, name.1 and so on; anything
// else makes a column of text, nested values in canonical JSON. A row without a member has a missing number
// or an empty text there. Blank lines are skipped. Each line is read strictly (core/json.h). Pure functions,
// safe from any thread. Limits: kJsonLineBytesMax, kCsvColumnsMax, kCsvRowsMax.
#pragma once

#include <memory>
#include <string_view>

#include "core/dataset.h"
#include "core/result.h"
#include "formats/table_reader.h"

namespace sallyport::formats {

// Whether the first character that is not blank opens an object, or an array of objects.
bool looks_like_json_rows(std::string_view text);
Result<Dataset> read_json_rows(std::string_view text);
// The same in parts. `text` outlives the reader.
Result<std::unique_ptr<TableReader>> open_json_rows(std::string_view text, const Passed& passed = {});

}  // namespace sallyport::formats
