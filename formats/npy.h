// NumPy's .npy files, format versions 1 to 3 (numpy.lib.format): the header, and whether loading would
// unpickle.
//
// The header is a Python literal; only the grammar that NumPy writes is read. An array with an object
// anywhere in its dtype is stored as a pickle. Pure functions, safe from any thread. Limit:
// limits::kNpyHeaderBytesMax.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct NpyHeader {
  std::string descr = {};  // as written: '<f8', or a list of fields
  bool fortran_order = false;
  std::vector<std::uint64_t> shape = {};
  bool has_objects = false;
  std::size_t data_offset = 0;
};

bool is_npy(BytesView bytes);
Result<NpyHeader> read_npy_header(BytesView bytes);

// Whether a dtype text such as "|O" or "O8" names objects.
bool names_objects(std::string_view dtype);
// Bytes of one item of a simple dtype text such as "<f8", "|S12" or "<U3"; 0 when it is none.
std::uint64_t item_bytes(std::string_view dtype);

}  // namespace sallyport::formats
