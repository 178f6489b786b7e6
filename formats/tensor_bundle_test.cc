// Indices of TensorFlow's checkpoints, made as LevelDB makes tables.
#include "formats/tensor_bundle.h"

#include <gtest/gtest.h>

#include "formats/inspect/inspect.h"
#include "formats/protobuf.h"

namespace sallyport::formats {
namespace {

void append_varint(Bytes& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

void append(Bytes& out, BytesView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

struct Table {
  Bytes bytes = {};

  // One restart, no shared prefixes; answers where the block lies.
  Bytes block(const std::vector<std::pair<std::string, Bytes>>& entries) {
    const std::size_t begin = bytes.size();
    for (const auto& [key, value] : entries) {
      append_varint(bytes, 0);
      append_varint(bytes, key.size());
      append_varint(bytes, value.size());
      append(bytes, as_bytes(key));
      append(bytes, value);
    }
    for (const int byte : {0, 0, 0, 0, 1, 0, 0, 0}) bytes.push_back(static_cast<std::uint8_t>(byte));
    Bytes handle;
    append_varint(handle, begin);
    append_varint(handle, bytes.size() - begin);
    for (int i = 0; i < 5; ++i) bytes.push_back(0);  // not packed; no checksum is looked at
    return handle;
  }

  void footer(const Bytes& meta, const Bytes& index) {
    const std::size_t begin = bytes.size();
    append(bytes, meta);
    append(bytes, index);
    bytes.resize(begin + 40);
    for (const int byte : {0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB}) {
      bytes.push_back(static_cast<std::uint8_t>(byte));
    }
  }
};

Bytes index_of(std::uint64_t offset, std::uint64_t size) {
  FieldWriter header;
  header.varint(1, 1);
  FieldWriter tensor;
  tensor.varint(1, 1);
  if (offset != 0) tensor.varint(4, offset);
  tensor.varint(5, size);
  Table table;
  const Bytes data = table.block({{"", header.out()}, {"layer/kernel", tensor.out()}});
  const Bytes meta = table.block({});
  const Bytes index = table.block({{"m", data}});
  table.footer(meta, index);
  return table.bytes;
}

TEST(TensorBundle, SaysWhereEachTensorLies) {
  const Bytes bytes = index_of(16, 48);
  const auto got = read_tensor_bundle(bytes);
  ASSERT_TRUE(got) << got.error().message;
  EXPECT_EQ(got->shards, 1U);
  ASSERT_EQ(got->tensors.size(), 1U);
  EXPECT_EQ(got->tensors[0].name, "layer/kernel");
  EXPECT_EQ(got->tensors[0].offset, 16U);
  EXPECT_EQ(got->tensors[0].size, 48U);
  EXPECT_EQ(bundle_data_name("variables.index", 0, 1), "variables.data-00000-of-00001");
  EXPECT_EQ(bundle_data_name("other", 0, 1), "");
}

TEST(TensorBundle, IsAFormatThatRefersToItsData) {
  const inspect::Inspection got = inspect::inspect(index_of(0, 48), {.name = "variables.index"});
  EXPECT_EQ(got.format(), "tensorflow-checkpoint");
  EXPECT_TRUE(got.complete());
  ASSERT_EQ(got.references.size(), 1U);
  EXPECT_EQ(got.references[0].path, "variables.data-00000-of-00001");
  EXPECT_EQ(got.references[0].bytes_min, 48U);
}

TEST(TensorBundle, ATornOneIsAnErrorOrAnotherTable) {
  const Bytes honest = index_of(16, 48);
  for (std::size_t size = 0; size < honest.size(); ++size) {
    EXPECT_FALSE(read_tensor_bundle(BytesView(honest).first(size)));
  }
  Bytes hidden = honest;
  hidden.insert(hidden.end() - 48, 7, 'x');
  EXPECT_FALSE(read_tensor_bundle(hidden)) << "bytes that no block holds";
  Bytes changed = honest;
  for (std::size_t at = 0; at < changed.size(); ++at) {
    for (const int mask : {1, 0x80, 0xFF}) {
      changed[at] = static_cast<std::uint8_t>(honest[at] ^ mask);
      (void)read_tensor_bundle(changed).has_value();
    }
    changed[at] = honest[at];
  }
}

}  // namespace
}  // namespace sallyport::formats
