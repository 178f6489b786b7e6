// 7z archives by py7zr: each coder opened, what is shut named, and nothing believed that is cut or changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "formats/inspect/inspect.h"
#include "formats/sevenzip.h"
#include "tests/paths.h"

namespace sallyport::formats::inspect {
namespace {

namespace fs = std::filesystem;

std::map<std::string, Bytes> samples() {
  std::map<std::string, Bytes> out;
  for (const auto& entry : fs::directory_iterator(tests::source_dir() + "/formats/testdata/sevenzip")) {
    std::ifstream in(entry.path(), std::ios::binary);
    out[entry.path().filename().string()] = Bytes(std::istreambuf_iterator<char>(in), {});
  }
  return out;
}

struct Opened {
  Inspection inspection = {};
  std::map<std::string, std::string> members = {};
};
Opened open(BytesView bytes) {
  Opened out;
  Options options;
  options.on_layer = [&](const Layer& layer) {
    if (layer.depth == 1) out.members[layer.name] = std::string(as_text(layer.bytes));
  };
  out.inspection = inspect(bytes, options);
  return out;
}

TEST(SevenZip, EveryCoderGivesTheMembersBack) {
  std::size_t opened = 0, shut = 0;
  for (const auto& [name, bytes] : samples()) {
    const Opened got = open(bytes);
    EXPECT_EQ(got.inspection.format(), "7z") << name;
    if (name.starts_with("shut_")) {
      ++shut;
      ASSERT_FALSE(got.inspection.unread.empty()) << name;
      EXPECT_TRUE(got.members.empty()) << name;
      continue;
    }
    ++opened;
    EXPECT_TRUE(got.inspection.complete()) << name;
    EXPECT_TRUE(got.inspection.seen.empty()) << name;
    ASSERT_EQ(got.members.size(), 3U) << name;
    EXPECT_EQ(got.members.at("readme.txt").size(), 2400U) << name;
    EXPECT_TRUE(got.members.at("readme.txt").ends_with("hello world\n")) << name;
    EXPECT_EQ(got.members.at("config.json"), "{\"a\": 1}") << name;
  }
  EXPECT_EQ(opened, 10U);
  EXPECT_EQ(shut, 4U);
}

TEST(SevenZip, WhatIsShutSaysWhy) {
  const auto why = [](const std::string& name) {
    return to_text(open(samples().at(name)).inspection.unread.at(0));
  };
  EXPECT_NE(why("shut_password.7z").find("is encrypted"), std::string::npos);
  EXPECT_NE(why("shut_header.7z").find("the header is encrypted"), std::string::npos);
  EXPECT_NE(why("shut_ppmd.7z").find("PPMd"), std::string::npos);
}

TEST(SevenZip, CutAnywhereItIsNeverReadWhole) {
  for (const auto& [name, bytes] : samples()) {
    for (std::size_t size = 6; size < bytes.size(); ++size) {
      EXPECT_FALSE(open(BytesView(bytes).first(size)).inspection.complete()) << name << " cut at " << size;
    }
  }
}

TEST(SevenZip, ChangedAnywhereItEndsInAnAnswer) {
  for (const auto& [name, sample] : samples()) {
    Bytes bytes = sample;
    for (std::size_t i = 6; i < bytes.size(); ++i) {
      for (const std::uint8_t change : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xFF}}) {
        bytes[i] = static_cast<std::uint8_t>(sample[i] ^ change);
        EXPECT_LE(inspect(bytes, {}).coverage(), 1.0) << name << " at " << i;
      }
      bytes[i] = sample[i];
    }
  }
}

TEST(SevenZip, BytesBeforeAndBehindAreUnaccountedFor) {
  Bytes bytes = samples().at("lzma2.7z");
  bytes.push_back('x');
  const Inspection inspection = inspect(bytes, {});
  EXPECT_EQ(inspection.bytes_unaccounted, 1U);
}

// A header that announces two hundred thousand folders has to hold them.
TEST(SevenZip, CountsThatTheBytesDoNotHoldAllocateNothing) {
  Bytes bytes = to_bytes(std::string("7z\xBC\xAF\x27\x1C\0\x04", 8));
  append_le(bytes, 0, 4);
  append_le(bytes, 0, 8);
  const Bytes header{0x01, 0x04, 0x07, 0x0B, 0xC1, 0xA0, 0x01, 0x00};
  append_le(bytes, header.size(), 8);
  append_le(bytes, 0, 4);
  bytes.insert(bytes.end(), header.begin(), header.end());
  const Result<sevenzip::Archive> archive = sevenzip::parse(bytes);
  ASSERT_FALSE(archive);
  EXPECT_FALSE(inspect(bytes, {}).complete());
}

}  // namespace
}  // namespace sallyport::formats::inspect
