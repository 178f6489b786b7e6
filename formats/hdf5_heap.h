// A fractal heap of HDF5 once its blocks are known: what identifiers of its objects are resolved with.
//
// Not for other use than formats/hdf5*.cc. A plain value.
#pragma once

#include <map>

#include "core/bytes.h"

namespace sallyport::formats::hdf5 {

struct Heap {
  std::size_t id_bytes = 0;  // 0: it could not be read
  std::size_t offset_bytes = 0;
  std::size_t length_bytes = 0;
  std::uint64_t width = 0;
  std::uint64_t start_size = 0;
  std::uint64_t direct_max = 0;
  std::map<std::uint64_t, BytesView> blocks = {};  // by where they begin in the heap
  std::map<std::uint64_t, BytesView> huge = {};    // by identifier
};

}  // namespace sallyport::formats::hdf5
