#include "formats/gguf.h"

#include <gtest/gtest.h>

#include <array>
#include <utility>

#include "formats/inspect/inspect.h"

namespace sallyport::formats {
namespace {

constexpr std::uint32_t kUint32 = 4;
constexpr std::uint32_t kF32 = 0;

// A writer that checks nothing, so that a test can say any wrong thing.
class Writer {
 public:
  explicit Writer(bool big_endian = false, std::uint64_t version = 3) : big_(big_endian), version_(version) {}

  void number(std::uint64_t value, int width) {
    if (big_) {
      append_be(body_, value, width);
    } else {
      append_le(body_, value, width);
    }
  }
  void length(std::uint64_t value) { number(value, version_ == 1 ? 4 : 8); }
  void text(std::string_view value) {
    length(value.size());
    body_.insert(body_.end(), value.begin(), value.end());
  }
  void key(std::string_view name, std::uint32_t type) {
    text(name);
    number(type, 4);
    ++keys_;
  }
  void tensor(std::string_view name, const std::vector<std::uint64_t>& extents, std::uint32_t type,
              std::uint64_t offset) {
    text(name);
    number(extents.size(), 4);
    for (const std::uint64_t extent : extents) length(extent);
    number(type, 4);
    number(offset, 8);
    ++tensors_;
  }
  Bytes file(std::size_t data) {
    const Bytes tables = std::exchange(body_, to_bytes("GGUF"));
    number(version_, 4);
    length(tensors_);
    length(keys_);
    body_.insert(body_.end(), tables.begin(), tables.end());
    while (body_.size() % 32 != 0) body_.push_back(0);
    body_.insert(body_.end(), data, 0x41);
    return body_;
  }

 private:
  bool big_;
  std::uint64_t version_;
  std::uint64_t keys_ = 0;
  std::uint64_t tensors_ = 0;
  Bytes body_;
};

Writer model(bool big_endian = false, std::uint64_t version = 3) {
  Writer out(big_endian, version);
  out.key("general.architecture", 8);
  out.text("llama");
  out.key("general.alignment", kUint32);
  out.number(32, 4);
  out.key("nested", 9);
  out.number(9, 4);
  out.length(2);
  for (int i = 0; i < 2; ++i) {
    out.number(8, 4);
    out.length(1);
    out.text("x");
  }
  return out;
}

std::string rule_of(const Bytes& bytes) {
  const Gguf read = read_gguf(bytes);
  return read.flaw ? read.flaw->rule : "";
}

TEST(Gguf, ReadsEveryVersionInEitherByteOrder) {
  for (const bool big : {false, true}) {
    for (const std::uint64_t version : {1U, 2U, 3U}) {
      Writer out = model(big, version);
      out.tensor("a", {8, 2}, kF32, 0);
      const Bytes bytes = out.file(64);
      const Gguf read = read_gguf(bytes);
      ASSERT_FALSE(read.flaw) << version << ": " << read.flaw->message;
      EXPECT_EQ(read.big_endian, big);
      EXPECT_EQ(read.find("general.architecture")->text, "llama");
      ASSERT_EQ(read.tensors.size(), 1u);
      EXPECT_EQ(read.tensors[0].size, 64u);
    }
  }
}

TEST(Gguf, NamesWhatIsWrongWithATensor) {
  const auto with = [](std::vector<std::uint64_t> extents, std::uint32_t type, std::uint64_t offset) {
    Writer out = model();
    out.tensor("a", extents, type, offset);
    return rule_of(out.file(64));
  };
  EXPECT_EQ(with({16}, kF32, 0), "");
  EXPECT_EQ(with({17}, kF32, 0), "gguf-tensor-outside");
  EXPECT_EQ(with({1ULL << 40U, 1ULL << 40U}, kF32, 0), "gguf-tensor-overflow");
  EXPECT_EQ(with({1ULL << 62U}, kF32, 0), "gguf-tensor-overflow");
  EXPECT_EQ(with({1, 1, 1, 1, 1}, kF32, 0), "gguf-tensor-shape");
  EXPECT_EQ(with({16}, 2, 0), "gguf-tensor-shape");
  EXPECT_EQ(with({16}, 4, 0), "gguf-tensor-type");
  EXPECT_EQ(with({8}, kF32, 1), "gguf-tensor-misaligned");
  EXPECT_EQ(with({8}, kF32, ~0ULL - 31), "gguf-tensor-outside");
  EXPECT_EQ(with({8}, kF32, 32), "gguf-hidden-bytes");
  EXPECT_EQ(with({8}, kF32, 0), "gguf-hidden-bytes");
}

TEST(Gguf, NamesOverlapsAndRepetitions) {
  Writer overlap = model();
  overlap.tensor("a", {16}, kF32, 0);
  overlap.tensor("b", {8}, kF32, 32);
  EXPECT_EQ(rule_of(overlap.file(64)), "gguf-tensor-overlap");
  Writer twice = model();
  twice.tensor("a", {8}, kF32, 0);
  twice.tensor("a", {8}, kF32, 32);
  EXPECT_EQ(rule_of(twice.file(64)), "gguf-duplicate-key");
  Writer key = model();
  key.key("general.alignment", kUint32);
  key.number(32, 4);
  EXPECT_EQ(rule_of(key.file(0)), "gguf-duplicate-key");
}

TEST(Gguf, CountsAreHeldAgainstTheFile) {
  Writer array = model();
  array.key("a", 9);
  array.number(kUint32, 4);
  array.length(~0ULL);
  EXPECT_EQ(rule_of(array.file(0)), "gguf-count-outside");
  Bytes header = to_bytes("GGUF");
  append_le(header, 3, 4);
  append_le(header, 1ULL << 60U, 8);
  append_le(header, 0, 8);
  EXPECT_EQ(rule_of(header), "gguf-count-outside");
}

TEST(Gguf, EveryCutAndChangeEndsInAValueOrAFlaw) {
  Writer out = model();
  out.tensor("a", {16}, kF32, 0);
  const Bytes bytes = out.file(64);
  for (std::size_t n = 0; n < bytes.size(); ++n) {
    EXPECT_NE(rule_of(Bytes(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(n))), "") << n;
    for (const std::uint8_t value : std::to_array<std::uint8_t>({0x00, 0x01, 0x7F, 0x80, 0xFF})) {
      Bytes changed = bytes;
      changed[n] = value;
      read_gguf(changed);
    }
  }
}

TEST(Gguf, ItsTemplateIsJudgedWhereItLies) {
  Writer out = model();
  out.key("tokenizer.chat_template", 8);
  out.text("{{ ''.__class__ }}");
  out.tensor("a", {16}, kF32, 0);
  const inspect::Inspection seen = inspect::inspect(out.file(64), {});
  EXPECT_EQ(seen.format(), "gguf");
  EXPECT_TRUE(seen.complete());
  ASSERT_EQ(seen.seen.size(), 1u);
  EXPECT_EQ(seen.seen[0].rule, "template-escapes-sandbox");
  EXPECT_EQ(seen.seen[0].topic, inspect::Topic::kTemplate);
}

}  // namespace
}  // namespace sallyport::formats
