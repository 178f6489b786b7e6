// HDF5 and Keras through the whole inspection, on files that h5py and Keras wrote: tools/fixtures/keras.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "formats/inspect/inspect.h"
#include "tests/paths.h"

namespace sallyport::formats::inspect {
namespace {

const std::filesystem::path kSamples = std::filesystem::path(tests::source_dir()) / "formats/testdata/hdf5";

Bytes sample(const std::string& name) {
  std::ifstream in(kSamples / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string rules(BytesView bytes) {
  std::string out;
  for (const Seen& seen : inspect(bytes, {}).seen) out += seen.rule + " ";
  return out;
}

TEST(InspectHdf5, WhatTheLibrariesWriteIsAccountedForWhole) {
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kSamples)) {
    const std::string name = entry.path().filename();
    if (name.starts_with("caught_")) continue;
    ++files;
    const Inspection got = inspect(sample(name), {.name = name});
    EXPECT_EQ(got.coverage(), 1) << name << (got.unaccounted.empty() ? "" : to_text(got.unaccounted[0]));
    EXPECT_TRUE(got.unread.empty()) << name << " " << (got.unread.empty() ? "" : to_text(got.unread[0]));
    EXPECT_TRUE(got.seen.empty()) << name << " " << (got.seen.empty() ? "" : got.seen[0].message);
  }
  EXPECT_GE(files, 6U);
}

TEST(InspectHdf5, OtherFilesAreNamed) {
  for (const char* name : {"caught_outside.h5", "caught_outside_latest.h5"}) {
    const std::string got = rules(sample(name));
    for (const char* rule : {"hdf5-external-link", "hdf5-virtual-dataset", "hdf5-external-storage"}) {
      EXPECT_NE(got.find(rule), got.npos) << name << " " << got;
    }
  }
}

TEST(InspectHdf5, LambdasAreFoundInBothFormats) {
  EXPECT_EQ(rules(sample("caught_lambda.h5")), "keras-lambda ");
  EXPECT_EQ(rules(sample("caught_lambda.keras")), "keras-lambda ");
}

TEST(InspectHdf5, WhatIsAppendedOrPutInFrontIsNotAccountedFor) {
  Bytes bytes = sample("old.h5");
  const Bytes tail = to_bytes("something else");
  bytes.insert(bytes.end(), tail.begin(), tail.end());
  EXPECT_EQ(inspect(bytes, {}).bytes_unaccounted, tail.size());
  Bytes moved(512, 1);
  const Bytes whole = sample("old.h5");
  moved.insert(moved.end(), whole.begin(), whole.end());
  EXPECT_EQ(inspect(moved, {}).bytes_unaccounted, 512U);
}

TEST(InspectHdf5, NoTruncationIsComplete) {
  for (const char* name : {"small_old.h5", "small_latest.h5"}) {
    const Bytes whole = sample(name);
    ASSERT_FALSE(whole.empty());
    for (std::size_t size = 9; size < whole.size(); size += 7) {
      EXPECT_FALSE(inspect(BytesView(whole).first(size), {}).complete()) << name << " cut at " << size;
    }
  }
}

TEST(InspectHdf5, EveryChangedByteEndsInAVerdict) {
  for (const char* name : {"small_old.h5", "small_latest.h5"}) {
    Bytes bytes = sample(name);
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
      const std::uint8_t was = bytes[at];
      for (const int change : {0x01, 0x80, 0xFF}) {
        bytes[at] = static_cast<std::uint8_t>(was ^ change);
        EXPECT_GT(inspect(bytes, {}).layers, 0U);
      }
      bytes[at] = was;
    }
  }
}

}  // namespace
}  // namespace sallyport::formats::inspect
