#include "formats/safetensors.h"

#include <gtest/gtest.h>

#include <array>

#include "core/limits.h"

namespace sallyport::formats {
namespace {

Bytes file(std::string header, std::size_t data_bytes) {
  Bytes out;
  append_le(out, header.size(), 8);
  out.insert(out.end(), header.begin(), header.end());
  out.resize(out.size() + data_bytes, 7);
  return out;
}

std::string error_of(const Bytes& bytes) {
  const auto read = read_safetensors(bytes);
  return read ? "accepted" : read.error().message;
}

constexpr std::array<float, 6> kWeights{0, 1, -2, 3.5F, 1e-30F, 6};
constexpr std::array<std::uint8_t, 3> kFlags{1, 0, 1};

Bytes safetensors_sample() {
  const Bytes weights = bytes_of(kWeights);
  const std::array<Tensor, 3> tensors{
      Tensor{.name = "z.flags", .dtype = Dtype::kBool, .shape = {3}, .bytes = kFlags},
      Tensor{.name = "a.weight", .shape = {2, 3}, .bytes = weights},
      Tensor{.name = "b.empty", .shape = {0, 4}}};
  return *write_safetensors(tensors, {{"format", "pt"}});
}

TEST(SafeTensors, ReadsWhatItWrote) {
  const Bytes bytes = safetensors_sample();
  const auto read = read_safetensors(bytes);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->metadata.at("format"), "pt");
  ASSERT_EQ(read->tensors.size(), 3U);
  const Tensor* weight = read->find("a.weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->shape, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_EQ(*floats_of(*weight), std::vector<float>(kWeights.begin(), kWeights.end()));
  EXPECT_EQ(read->find("z.flags")->bytes[2], 1);
  EXPECT_FALSE(floats_of(*read->find("z.flags")));
  EXPECT_EQ(read->find("b.empty")->bytes.size(), 0U);
  EXPECT_EQ(read->find("absent"), nullptr);
}

// What `safetensors.numpy.save` of version 0.8.0 writes for the same arrays.
TEST(SafeTensors, WritesTheBytesOfTheReferenceLibrary) {
  const std::string header =
      R"({"__metadata__":{"format":"pt"},"a.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},)"
      R"("b.empty":{"dtype":"F32","shape":[0,4],"data_offsets":[24,24]},)"
      R"("z.flags":{"dtype":"BOOL","shape":[3],"data_offsets":[24,27]}})";
  Bytes expected = file(header + std::string((8 - header.size() % 8) % 8, ' '), 0);
  const Bytes weights = bytes_of(kWeights);
  expected.insert(expected.end(), weights.begin(), weights.end());
  expected.insert(expected.end(), kFlags.begin(), kFlags.end());
  EXPECT_EQ(safetensors_sample(), expected);
}

TEST(SafeTensors, EveryByteIsAccountedFor) {
  const auto entry = [](const std::string& name, int begin, int end) {
    return "\"" + name + R"(":{"dtype":"U8","shape":[)" + std::to_string(end - begin) +
           R"(],"data_offsets":[)" + std::to_string(begin) + "," + std::to_string(end) + "]}";
  };
  EXPECT_EQ(error_of(file("{" + entry("a", 0, 4) + "," + entry("b", 4, 8) + "}", 8)), "accepted");
  EXPECT_EQ(error_of(file("{" + entry("a", 0, 4) + "," + entry("b", 5, 8) + "}", 8)),
            "safetensors: 'b': leaves a gap after the array before it");
  EXPECT_EQ(error_of(file("{" + entry("a", 0, 4) + "," + entry("b", 3, 8) + "}", 8)),
            "safetensors: 'b': overlaps the array before it");
  EXPECT_EQ(error_of(file("{" + entry("a", 0, 4) + "," + entry("b", 0, 4) + "}", 4)),
            "safetensors: 'b': overlaps the array before it");
  EXPECT_EQ(error_of(file("{" + entry("a", 1, 4) + "}", 4)),
            "safetensors: 'a': leaves a gap after the array before it");
  EXPECT_EQ(error_of(file("{" + entry("a", 0, 4) + "}", 5)), "safetensors: 1 bytes after the last array");
  EXPECT_NE(error_of(file("{" + entry("a", 0, 5) + "}", 4)), "accepted");
  EXPECT_EQ(error_of(file("{}", 0)), "accepted");
  EXPECT_NE(error_of(file("{}", 1)), "accepted");
}

TEST(SafeTensors, RefusesWhatTheHeaderMustNotSay) {
  for (
      const std::string header : {
          R"([])",
          R"( {})",
          R"({} x)",
          "",
          "{}\n",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U9","shape":[1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"code":"x"}})",
          R"({"a":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1.0],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[4294967296,4294967296],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}})",
          R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1,1]}})",
          R"({"a":[]})",
          R"({"__metadata__":{"k":1}})",
          R"({"__metadata__":"k"})",
      }) {
    EXPECT_NE(error_of(file(header, 1)), "accepted") << header;
    EXPECT_NE(error_of(file(header, 0)), "accepted") << header;
  }
  Bytes long_header;
  append_le(long_header, limits::kSafetensorsHeaderBytesMax + 1, 8);
  EXPECT_EQ(read_safetensors(long_header).error().kind, ErrorKind::kLimit);
}

TEST(SafeTensors, RefusesToWriteWhatItWouldNotRead) {
  const std::array<Tensor, 2> twice{Tensor{.name = "a", .shape = {0}}, Tensor{.name = "a", .shape = {0}}};
  EXPECT_FALSE(write_safetensors(twice));
  const std::array<Tensor, 1> reserved{Tensor{.name = "__metadata__", .shape = {0}}};
  EXPECT_FALSE(write_safetensors(reserved));
  const std::array<Tensor, 1> wrong_size{Tensor{.name = "a", .shape = {2}, .bytes = kFlags}};
  EXPECT_FALSE(write_safetensors(wrong_size));
}

TEST(SafeTensors, TruncationsAndByteChangesEnd) {
  const Bytes bytes = safetensors_sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(read_safetensors(BytesView(bytes).first(size))) << size;
  }
  const std::size_t data = bytes_of(kWeights).size() + kFlags.size();
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[i] = static_cast<std::uint8_t>(value);
      const auto read = read_safetensors(changed);
      if (!read) continue;
      std::size_t total = 0;
      for (const Tensor& tensor : read->tensors) total += tensor.bytes.size();
      EXPECT_EQ(total, data);
    }
  }
}

}  // namespace
}  // namespace sallyport::formats
