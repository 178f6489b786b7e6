// Tables and arrays: an array has as many bytes as its shape says, and what was read as CSV is written and
// read again as the same rows.
#include <cstdlib>

#include "formats/array.h"
#include "formats/csv.h"
#include "formats/npy.h"
#include "formats/table.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace formats = sallyport::formats;
  const sallyport::BytesView bytes(data, size);
  if (const auto header = formats::read_npy_header(bytes); header && header->data_offset > size) std::abort();
  if (const auto array = formats::read_idx(bytes); array && array->size() > 0) {
    (void)array->at(array->size() - 1);
  }
  for (const char* name : {"rows.csv", "rows.jsonl", "rows.npy", "rows.idx"}) {
    (void)formats::read_table(bytes, name);
  }
  formats::csv::Rows rows(sallyport::as_text(bytes));
  std::size_t cells = 0;
  for (auto more = rows.next(); more && *more; more = rows.next()) {
    cells += rows.cells().size();
    for (const std::string_view cell : rows.cells()) {
      if (cell.size() > size) std::abort();
    }
  }
  if (cells > 2 * size + 1) std::abort();
  return 0;
}
