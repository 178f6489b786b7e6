// The storages that a PyTorch checkpoint's pickle asks its loader for: which raw bytes are tensors.
//
// torch.save writes ('storage', torch.FloatStorage, key, location, count) for each as a persistent id
// (torch/serialization.py). Bytes that no such id names, or of another size, are no tensor. Nothing is
// loaded. Pure functions, safe from any thread; bounded by the limits of pickle.h.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/bytes.h"

namespace sallyport::formats {

struct TorchStorages {
  std::map<std::string, std::uint64_t> bytes_of = {};        // by key; 0 where two ids differ
  std::map<std::string, std::uint64_t> item_bytes_of = {};  // by key
  std::size_t end = 0;                                        // of the pickle
  bool whole = false;                                         // it was followed to its STOP
};
TorchStorages read_torch_storages(BytesView bytes, std::size_t begin = 0);

// The format before PyTorch 1.6: pickles of a magic number, a version, the system, the object and the keys,
// then for each key in order a 64-bit count and the items.
struct TorchLegacyStorage {
  std::string key = {};
  std::uint64_t offset = 0;  // of the items; the count lies in the eight bytes before
  std::uint64_t length = 0;
};
struct TorchLegacy {
  std::uint64_t storages_at = 0;
  std::vector<TorchLegacyStorage> storages = {};  // as far as file and ids agree
};
// Nothing when the bytes do not start with the magic number or one of the five pickles breaks off.
std::optional<TorchLegacy> read_torch_legacy(BytesView bytes);

}  // namespace sallyport::formats
