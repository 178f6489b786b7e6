// The index of a TensorFlow checkpoint (variables.index): which tensor lies where in which data file.
//
// The index is a sorted string table as LevelDB writes it: blocks of entries with shared prefixes, each with
// a trailer, a block that names the blocks, and a footer with a magic number. The values are messages of
// Protocol Buffers: a header under the empty name, then one entry a tensor. Source: tensorflow/core/lib/io
// and tensor_bundle.proto. Blocks are not compressed, as TensorFlow writes them; packed ones are refused.
// Checksums are not computed. Linear, no recursion. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats {

struct BundleTensor {
  std::string name = {};
  std::uint64_t shard = 0;
  std::uint64_t offset = 0;  // in the data file of that shard
  std::uint64_t size = 0;    // bytes
};

struct TensorBundle {
  std::uint64_t shards = 0;
  std::vector<BundleTensor> tensors = {};  // those with data of their own, in the order of names
};

bool is_tensor_bundle(BytesView bytes);  // by its footer
// Error where the table is not whole: every byte belongs to a block, a trailer or the footer.
Result<TensorBundle> read_tensor_bundle(BytesView bytes);

// "variables.data-00000-of-00001" for "variables.index"; empty for a name that is none of an index.
std::string bundle_data_name(std::string_view index_name, std::uint64_t shard, std::uint64_t shards);

}  // namespace sallyport::formats
