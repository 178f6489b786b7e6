#include "formats/unpack_to.h"

#include <bzlib.h>
#include <gtest/gtest.h>
#include <lz4frame.h>
#include <lzma.h>
#include <zstd.h>

#include "core/limits.h"

namespace sallyport::formats {
namespace {

Bytes bzip2(std::string_view text) {
  Bytes out(text.size() + 1000);
  auto size = static_cast<unsigned>(out.size());
  BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(out.data()), &size, const_cast<char*>(text.data()),
                           static_cast<unsigned>(text.size()), 9, 0, 0);
  out.resize(size);
  return out;
}

Bytes xz(std::string_view text) {
  Bytes out(text.size() + 1000);
  std::size_t size = 0;
  const BytesView in = as_bytes(text);
  EXPECT_EQ(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC64, nullptr, in.data(), in.size(), out.data(), &size,
                                    out.size()),
            LZMA_OK);
  out.resize(size);
  return out;
}

Bytes lzma(std::string_view text) {
  lzma_options_lzma options;
  lzma_lzma_preset(&options, 6);
  lzma_stream z = LZMA_STREAM_INIT;
  EXPECT_EQ(lzma_alone_encoder(&z, &options), LZMA_OK);
  Bytes out(text.size() + 1000);
  z.next_in = as_bytes(text).data();
  z.avail_in = text.size();
  z.next_out = out.data();
  z.avail_out = out.size();
  EXPECT_EQ(lzma_code(&z, LZMA_FINISH), LZMA_STREAM_END);
  out.resize(z.total_out);
  lzma_end(&z);
  return out;
}

// As zip's method 14 has it: the .lzma header's properties behind a version, without its size.
Bytes lzma_zip(std::string_view text) {
  const Bytes alone = lzma(text);
  Bytes out = {9, 20, 5, 0};
  out.insert(out.end(), alone.begin(), alone.begin() + 5);
  out.insert(out.end(), alone.begin() + 13, alone.end());
  return out;
}

Bytes zstd(std::string_view text) {
  Bytes out(ZSTD_compressBound(text.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 3));
  return out;
}

Bytes lz4(std::string_view text) {
  Bytes out(LZ4F_compressFrameBound(text.size(), nullptr));
  out.resize(LZ4F_compressFrame(out.data(), out.size(), text.data(), text.size(), nullptr));
  return out;
}

struct Case {
  Codec codec;
  Bytes (*pack)(std::string_view);
  bool in_a_row;  // streams one behind the other are one
};
constexpr Case kCases[] = {{Codec::kBzip2, bzip2, true}, {Codec::kXz, xz, true},
                           {Codec::kLzma, lzma, false},  {Codec::kLzmaZip, lzma_zip, false},
                           {Codec::kZstd, zstd, true},   {Codec::kLz4, lz4, true}};

std::string codec_sample() {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += std::to_string(i * 7919);
  return text;
}

TEST(Codec, UnpacksWhatTheLibrariesPackWithinABudget) {
  const std::string text = codec_sample();
  for (const Case& c : kCases) {
    SCOPED_TRACE(name_of(c.codec));
    const Bytes packed = c.pack(text);
    if (c.codec != Codec::kLzmaZip) {
      EXPECT_EQ(codec_of(packed), c.codec);
    }
    const Inflated all = unpack(c.codec, packed, 1 << 20);
    EXPECT_EQ(as_text(all.bytes), text);
    EXPECT_FALSE(all.error) << all.error->message;
    EXPECT_EQ(all.consumed, packed.size());
    if (c.codec != Codec::kLzmaZip) {
      Bytes handed;
      Sink sink{.take = [&](BytesView chunk) -> Result<void> {
        handed.insert(handed.end(), chunk.begin(), chunk.end());
        return {};
      }};
      EXPECT_TRUE(unpack_to(c.codec, packed, 1 << 20, sink).bytes.empty());
      EXPECT_EQ(handed, all.bytes);
      EXPECT_EQ(sink.made, all.bytes.size());
      Sink full{.take = [](BytesView) -> Result<void> { return invalid("full"); }};
      const Inflated stopped = unpack_to(c.codec, packed, 1 << 20, full);
      EXPECT_EQ(stopped.error ? stopped.error->message : "", "full");
    }
    const Inflated some = unpack(c.codec, packed, 1000);
    EXPECT_TRUE(some.over_budget);
    EXPECT_EQ(as_text(some.bytes), text.substr(0, 1000));
  }
}

TEST(Codec, KeepsWhatCameBeforeDamageAndStopsBehindTheStream) {
  const std::string text = codec_sample();
  for (const Case& c : kCases) {
    SCOPED_TRACE(name_of(c.codec));
    Bytes packed = c.pack(text);
    for (std::size_t size = 0; size < packed.size(); size += 1 + size / 9) {
      const Inflated cut = unpack(c.codec, BytesView(packed).first(size), 1 << 20);
      EXPECT_TRUE(cut.error) << size;
      EXPECT_TRUE(text.starts_with(as_text(cut.bytes))) << size;
    }
    const std::size_t size = packed.size();
    packed.insert(packed.end(), {'x', 'y', 'z'});
    EXPECT_EQ(unpack(c.codec, packed, 1 << 20).consumed, size);
  }
}

TEST(Codec, StreamsInARowAreOne) {
  for (const Case& c : kCases) {
    if (!c.in_a_row) continue;
    Bytes both = c.pack("one,");
    const Bytes second = c.pack("two");
    both.insert(both.end(), second.begin(), second.end());
    EXPECT_EQ(as_text(unpack(c.codec, both, 100).bytes), "one,two") << name_of(c.codec);
  }
}

// A bomb costs what the free allowance costs, whatever it was packed with.
TEST(Codec, WhatGrowsWithoutEndIsStopped) {
  const std::string zeros(4 << 20, '\0');
  const Bytes once = zstd(zeros);
  Bytes many;
  for (int i = 0; i < 300; ++i) many.insert(many.end(), once.begin(), once.end());
  const Inflated got = unpack(Codec::kZstd, many, std::size_t{4} << 30);
  EXPECT_TRUE(got.over_budget);
  EXPECT_LE(got.bytes.size(), limits::kExpansionFree + (1 << 20));
}

TEST(Codec, AnyByteChangedEndsInAValueOrAnError) {
  for (const Case& c : kCases) {
    const Bytes packed = c.pack("a small text, a small text, a small text");
    for (std::size_t at = 0; at < packed.size(); ++at) {
      for (const int flip : {1, 0x80, 0xFF}) {
        Bytes changed = packed;
        changed[at] = static_cast<std::uint8_t>(changed[at] ^ flip);
        EXPECT_LE(unpack(c.codec, changed, 1 << 20).bytes.size(), std::size_t{1} << 20);
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::formats
