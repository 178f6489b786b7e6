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
    const auto whole = formats::read_table(bytes, name);
    if (!whole) continue;
    // In parts it is the same table.
    const auto reader = formats::open_table(
        bytes,
        {.roles = {},
         .unpack = [](formats::Codec, sallyport::BytesView) -> sallyport::Result<sallyport::BytesView> {
           return sallyport::invalid("packed");
         },
         .passed = {}});
    if (!reader) continue;
    std::size_t rows = 0;
    for (auto part = (*reader)->next(64); part && part->rows() > 0; part = (*reader)->next(64)) {
      if (part->first_row != rows || part->columns.size() != whole->columns.size()) std::abort();
      rows += part->rows();
    }
    if (rows != whole->rows()) std::abort();
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
