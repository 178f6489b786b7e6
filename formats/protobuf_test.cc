#include "formats/protobuf.h"

#include <gtest/gtest.h>

#include <limits>

namespace sallyport::formats {
namespace {

// Reads every field, so that each number and length is decoded; how many there were.
Result<std::size_t> count_fields(BytesView bytes) {
  std::size_t count = 0;
  for (FieldReader reader(bytes); !reader.done(); ++count) TRY(reader.next());
  return count;
}

Bytes sample() {
  FieldWriter inner;
  inner.text(1, "x");
  inner.integer(2, -3);
  FieldWriter writer;
  writer.varint(1, 150);
  writer.text(2, "testing");
  writer.message(3, inner);
  writer.fixed_float(4, 1.5F);
  writer.varint(16, std::numeric_limits<std::uint64_t>::max());
  return std::move(writer).out();
}

TEST(Protobuf, MatchesTheExamplesOfTheSpecification) {
  FieldWriter writer;
  writer.varint(1, 150);
  writer.text(2, "testing");
  EXPECT_EQ(to_hex(writer.out()), "089601120774657374696e67");
}

TEST(Protobuf, FieldsComeBackAsTheyWent) {
  const Bytes bytes = sample();
  FieldReader reader(bytes);
  EXPECT_EQ(*reader.next()->varint(), 150U);
  EXPECT_EQ(*reader.next()->text(), "testing");
  const Field nested = *reader.next();
  FieldReader inner = FieldReader::into(nested, bytes);
  EXPECT_EQ(*inner.next()->text(), "x");
  const Field negative = *inner.next();
  EXPECT_EQ(*negative.integer(), -3);
  EXPECT_EQ(bytes[negative.offset], 2U << 3U);
  EXPECT_TRUE(inner.done());
  EXPECT_EQ(*reader.next()->fixed_float(), 1.5F);
  const Field last = *reader.next();
  EXPECT_EQ(last.number, 16U);
  EXPECT_EQ(*last.varint(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_FALSE(last.text());
  EXPECT_FALSE(last.fixed_float());
  EXPECT_TRUE(reader.done());
}

TEST(Protobuf, OneMeaningHasOneSpelling) {
  EXPECT_FALSE(count_fields(*from_hex("08968100")));                // 150 in three bytes
  EXPECT_FALSE(count_fields(*from_hex("00")));                      // field 0
  EXPECT_FALSE(count_fields(*from_hex("0b0c")));                    // a group
  EXPECT_FALSE(count_fields(*from_hex("0e")));                      // wire type 6
  EXPECT_FALSE(count_fields(*from_hex("08ffffffffffffffffff02")));  // 65 bits
  EXPECT_FALSE(count_fields(*from_hex("0affffffffffffffffff01")));  // a length of 2^64 - 1
  EXPECT_FALSE(count_fields(*from_hex("1203ff")));                  // a length past the end
  EXPECT_TRUE(count_fields({}));
  const Bytes ill = *from_hex("1201ff");
  EXPECT_FALSE(FieldReader(ill).next()->text());
}

TEST(Protobuf, PackedAndUnpackedNumbersAreTheSame) {
  const Bytes packed = *from_hex("320603e80700ac02");
  EXPECT_EQ(*varints_of(*FieldReader(packed).next()), (std::vector<std::uint64_t>{3, 1000, 0, 300}));
  const Bytes single = *from_hex("30ac02");
  EXPECT_EQ(*varints_of(*FieldReader(single).next()), (std::vector<std::uint64_t>{300}));
  const Bytes cut = *from_hex("32020380");
  EXPECT_FALSE(varints_of(*FieldReader(cut).next()));
}

TEST(Protobuf, TruncationsAndByteChangesEnd) {
  const Bytes bytes = sample();
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const auto fields = count_fields(BytesView(bytes).first(size));
    if (fields) {
      EXPECT_LT(*fields, 5U);  // a cut between two fields leaves a shorter message
    }
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[i] = static_cast<std::uint8_t>(value);
      const auto fields = count_fields(changed);
      if (fields) {
        EXPECT_LE(*fields, bytes.size());
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::formats
