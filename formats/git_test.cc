#include "formats/git.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>

#include "formats/git_index.h"

namespace sallyport::formats::git {
namespace {

Bytes deflated(BytesView bytes) {
  uLongf size = compressBound(bytes.size());
  Bytes out(size);
  EXPECT_EQ(compress(out.data(), &size, bytes.data(), bytes.size()), Z_OK);
  out.resize(size);
  return out;
}

// A pack that is put together entry by entry.
class Pack {
 public:
  // Types as in a pack: 3 a blob, 6 a delta on what stands `back` bytes before it, 7 one on `base`.
  std::size_t blob(const Bytes& content) { return entry(3, content, {}); }
  std::size_t on(const ObjectId& base, const Bytes& delta) {
    return entry(7, delta, Bytes(base.begin(), base.end()));
  }
  std::size_t behind(std::size_t base, const Bytes& delta) {
    const std::size_t back = size() - base;
    EXPECT_LT(back, 128U) << "the test writes short distances only";
    return entry(6, delta, {static_cast<std::uint8_t>(back)});
  }
  std::size_t size() const { return 12 + body_.size(); }
  Bytes bytes() const {
    Bytes out = to_bytes("PACK");
    append_be(out, 2, 4);
    append_be(out, count_, 4);
    out.insert(out.end(), body_.begin(), body_.end());
    return out;
  }

 private:
  std::size_t entry(std::uint8_t type, const Bytes& content, const Bytes& base) {
    const std::size_t at = size();
    EXPECT_LT(content.size(), 2048U);
    const auto low = static_cast<std::uint8_t>(content.size() & 15);
    const auto high = static_cast<std::uint8_t>(content.size() >> 4);
    body_.push_back(static_cast<std::uint8_t>(0x80 | type << 4 | low));
    body_.push_back(high);
    const Bytes packed = deflated(content);
    body_.insert(body_.end(), base.begin(), base.end());
    body_.insert(body_.end(), packed.begin(), packed.end());
    ++count_;
    return at;
  }

  Bytes body_;
  std::uint32_t count_ = 0;
};

// Makes `text` + one letter of `text`.
Bytes with_letter(std::size_t size, char letter) {
  Bytes out{static_cast<std::uint8_t>(size),
            static_cast<std::uint8_t>(size + 1),
            0x90,
            static_cast<std::uint8_t>(size),
            1,
            static_cast<std::uint8_t>(letter)};
  return out;
}

ObjectId id_of(std::string_view text) { return object_id(ObjectType::kBlob, as_bytes(text)); }

TEST(GitPack, DeltasMayComeBeforeTheirBase) {
  Pack pack;
  const std::size_t first = pack.on(id_of("ab"), with_letter(2, 'c'));  // "abc", before "ab"
  pack.behind(first, with_letter(3, 'd'));                              // "abcd", on what still waits
  pack.on(id_of("abcd"), with_letter(4, 'e'));
  pack.blob(to_bytes("ab"));
  Objects objects;
  ASSERT_TRUE(objects.add_pack(pack.bytes()));
  EXPECT_EQ(objects.waiting(), 0U);
  for (const char* text : {"ab", "abc", "abcd", "abcde"}) {
    const Object* object = objects.find(id_of(text));
    ASSERT_NE(object, nullptr) << text;
    EXPECT_EQ(as_text(object->bytes), text);
  }
}

TEST(GitPack, WhatFollowsAWaitingDeltaIsRead) {
  Pack pack;
  const std::size_t waits = pack.on(id_of("base in another pack"), with_letter(20, '!'));
  pack.behind(waits, with_letter(21, '?'));
  pack.blob(to_bytes("behind"));
  Objects objects;
  ASSERT_TRUE(objects.add_pack(pack.bytes()));
  EXPECT_EQ(objects.waiting(), 2U);
  EXPECT_NE(objects.find(id_of("behind")), nullptr);
  Pack other;
  other.blob(to_bytes("base in another pack"));
  ASSERT_TRUE(objects.add_pack(other.bytes()));
  EXPECT_EQ(objects.waiting(), 0U);
  EXPECT_NE(objects.find(id_of("base in another pack!?")), nullptr);
}

TEST(GitPack, AnObjectIsReadAloneFromWhereItStands) {
  Pack pack;
  const std::size_t base = pack.blob(to_bytes("ab"));
  pack.behind(base, with_letter(2, 'c'));
  pack.on(id_of("abc"), with_letter(3, 'd'));
  Objects objects;
  ASSERT_TRUE(objects.add_pack(pack.bytes()));
  const auto packed = objects.packed();
  ASSERT_EQ(packed.size(), 3U);
  const auto place_of = [&](const ObjectId& id) -> std::optional<std::uint64_t> {
    for (const Objects::Packed& one : packed) {
      if (one.id == id) return one.offset;
    }
    return std::nullopt;
  };
  const Bytes bytes = pack.bytes();
  for (const Objects::Packed& one : packed) {
    const auto read = read_packed(bytes, one.offset, 1000, place_of);
    ASSERT_TRUE(read) << read.error().message;
    EXPECT_EQ(*read, objects.find(one.id)->bytes);
    EXPECT_FALSE(read_packed(bytes, one.offset, 1, place_of)) << "more than it may take";
  }
  EXPECT_FALSE(read_packed(bytes, bytes.size(), 1000, place_of));
  EXPECT_FALSE(read_packed(bytes, packed[2].offset, 1000, [](const ObjectId&) { return std::nullopt; }));
  const std::uint64_t itself = packed[2].offset;
  EXPECT_FALSE(read_packed(bytes, itself, 1'000'000, [&](const ObjectId&) { return std::optional(itself); }));
}

TEST(GitPack, APackThatLeansOnAnotherListsNothing) {
  Pack first, second;
  first.blob(to_bytes("ab"));
  second.on(id_of("ab"), with_letter(2, 'c'));
  Objects objects;
  ASSERT_TRUE(objects.add_pack(first.bytes()));
  EXPECT_EQ(objects.packed().size(), 1U);
  ASSERT_TRUE(objects.add_pack(second.bytes()));
  EXPECT_NE(objects.find(id_of("abc")), nullptr);
  EXPECT_TRUE(objects.packed().empty());
  Bytes cut = first.bytes();
  cut.pop_back();
  EXPECT_FALSE(Objects().add_pack(cut));
}

// Rounds over all that waits would take 20,000 * 20,000 / 2 looks here.
TEST(GitPack, TheWorstOrderTakesLinearTime) {
  constexpr std::size_t kDeltas = 20'000;
  std::vector<std::string> texts{"00000"};
  for (std::size_t i = 1; i <= kDeltas; ++i) {
    std::string text = std::to_string(i);
    texts.push_back(std::string(5 - text.size(), '0') + text);
  }
  Pack pack;
  for (std::size_t i = kDeltas; i > 0; --i) {
    Bytes delta{5, 5, 5};
    for (const char c : texts[i]) delta.push_back(static_cast<std::uint8_t>(c));
    pack.on(id_of(texts[i - 1]), delta);
  }
  pack.blob(to_bytes(texts[0]));
  Objects objects;
  ASSERT_TRUE(objects.add_pack(pack.bytes()));
  EXPECT_EQ(objects.waiting(), 0U);
  EXPECT_EQ(objects.all().size(), kDeltas + 1);
}

// A pack's index (version 2) with these offsets; ids and checksums are not looked at.
Bytes index_with(const std::vector<std::uint64_t>& offsets) {
  Bytes out;
  append_be(out, 0xFF744F63, 4);
  append_be(out, 2, 4);
  for (int i = 0; i < 256; ++i) append_be(out, offsets.size(), 4);
  out.resize(out.size() + 24 * offsets.size());
  std::vector<std::uint64_t> wide;
  for (const std::uint64_t offset : offsets) {
    const bool fits = offset < 0x80000000;
    append_be(out, fits ? offset : 0x80000000 | wide.size(), 4);
    if (!fits) wide.push_back(offset);
  }
  for (const std::uint64_t offset : wide) append_be(out, offset, 8);
  return out;
}

TEST(GitPack, OffsetsOfAnIndexAreReadStrictly) {
  EXPECT_EQ(read_offsets(index_with({300, 12, 0x123456789})),
            (std::vector<std::uint64_t>{12, 300, 0x123456789}));
  const Bytes whole = index_with({12, 0x123456789});
  for (std::size_t at = 0; at < whole.size(); ++at) {
    EXPECT_TRUE(read_offsets(BytesView(whole).first(at)).empty()) << at;
  }
}

// Whatever the index says, the objects are those of the pack.
TEST(GitPack, AnIndexChangesNothingButTheTime) {
  Pack pack;
  std::vector<std::uint64_t> offsets;
  for (int i = 0; i < 300; ++i) {
    const std::string text = "text " + std::to_string(1000 + i);
    offsets.push_back(pack.blob(to_bytes(text)));
    offsets.push_back(pack.behind(offsets.back(), with_letter(text.size(), 'x')));
    offsets.push_back(pack.behind(offsets.back(), with_letter(text.size() + 1, 'y')));
  }
  const auto ids_with = [&](const std::vector<std::uint64_t>& hint) {
    Objects objects;
    EXPECT_TRUE(objects.add_pack(pack.bytes(), hint));
    EXPECT_EQ(objects.waiting(), 0U);
    return objects.ids_of(ObjectType::kBlob);
  };
  const std::vector<ObjectId> expected = ids_with({});
  EXPECT_EQ(expected.size(), 900U);
  EXPECT_EQ(ids_with(offsets), expected);
  auto wrong = offsets;
  wrong[5] += 1;
  EXPECT_EQ(ids_with(wrong), expected) << "one that is none";
  wrong = offsets;
  wrong[5] = wrong[4];
  EXPECT_EQ(ids_with(wrong), expected) << "one twice";
  wrong = offsets;
  wrong.back() = ~std::uint64_t{0};
  EXPECT_EQ(ids_with(wrong), expected) << "one outside";
  wrong.resize(10);
  EXPECT_EQ(ids_with(wrong), expected) << "some are missing";
}

TEST(GitPack, DamageIsAnErrorAndWhatWasReadStays) {
  Pack pack;
  pack.blob(to_bytes("sound"));
  pack.blob(to_bytes("damaged"));
  Bytes bytes = pack.bytes();
  bytes.erase(bytes.end() - 4, bytes.end());
  Objects objects;
  EXPECT_FALSE(objects.add_pack(bytes));
  EXPECT_NE(objects.find(id_of("sound")), nullptr);
  Pack outside;
  outside.behind(outside.size() - 11, with_letter(2, 'c'));
  ASSERT_TRUE(objects.add_pack(outside.bytes()));
  EXPECT_EQ(objects.waiting(), 1U) << "no entry begins where its base should";
}

TEST(GitIndex, AFileHasAPath) {
  Bytes index = to_bytes("DIRC");
  append_be(index, 2, 4);
  append_be(index, 1, 4);
  const std::size_t head = index.size();
  index.resize(head + 72);  // times and sizes, an id, flags, a path of zeros
  EXPECT_FALSE(read_index(index));
  index[head + 62] = 'a';
  const auto read = read_index(index);
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_TRUE(read->contains("a"));
}

}  // namespace
}  // namespace sallyport::formats::git
