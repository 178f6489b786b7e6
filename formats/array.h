// Arrays of numbers: IDX, as MNIST is published in, and NumPy's .npy (formats/npy.h).
//
// An Array is a view: the bytes outlive it and a number is read when it is asked for. The reader insists that
// the header announces exactly the bytes that follow it. Objects, texts and complex numbers are not numbers:
// an Error. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct Array {
  enum class Item : std::uint8_t { kBool, kU8, kI8, kU16, kI16, kU32, kI32, kU64, kI64, kF16, kF32, kF64 };
  std::vector<std::uint64_t> shape = {};
  Item item = Item::kU8;
  bool big_endian = false;
  bool fortran_order = false;
  BytesView data = {};

  std::size_t size() const;
  // In C order whatever the order in memory; index < size().
  double at(std::size_t index) const;
};

bool is_idx(BytesView bytes);
Result<Array> read_idx(BytesView bytes);
Result<Array> read_npy(BytesView bytes);

}  // namespace sallyport::formats
