// HDF5: whatever is read stays within the file, and structures cover it no more often than they may.
#include <cstdlib>

#include "core/limits.h"
#include "formats/hdf5.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace hdf5 = sallyport::formats::hdf5;
  const sallyport::BytesView bytes(data, size);
  const auto superblock = hdf5::find_superblock(bytes);
  if (!superblock) return 0;
  const hdf5::File file = hdf5::read(bytes, *superblock);
  std::uint64_t covered = 0;
  for (const hdf5::Stretch& s : file.structures) {
    if (s.offset > size || s.length > size - s.offset) std::abort();
    covered += s.length;
  }
  if (covered > sallyport::limits::kHdf5CoverMax * size || file.end > size) std::abort();
  return 0;
}
