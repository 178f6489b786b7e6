// Graphs as real tools write them: complete and unremarked when honest, and never a crash or a silent whole
// when they are cut or changed.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

#include "formats/inspect/inspect.h"
#include "tests/paths.h"

namespace sallyport::formats::inspect {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::string name;
  Bytes bytes;
};

std::vector<Sample> samples(const std::string& guard, const std::string& part) {
  const fs::path folder = fs::path(tests::source_dir()) / "production/model_export/testdata" / guard / part;
  std::vector<Sample> out;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::ifstream in(entry.path(), std::ios::binary);
    out.push_back({entry.path().filename().string(), Bytes(std::istreambuf_iterator<char>(in), {})});
  }
  std::ranges::sort(out, {}, &Sample::name);
  return out;
}

std::string told(const Inspection& inspection) {
  std::string out = inspection.format();
  for (const Seen& seen : inspection.seen) out += "\n  " + seen.rule + ": " + seen.message;
  for (const Unread& unread : inspection.unread) out += "\n  unread: " + to_text(unread);
  for (const Unread& unread : inspection.unaccounted) out += "\n  unaccounted: " + to_text(unread);
  return out;
}

class HonestGraphs : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Guards, HonestGraphs,
                         testing::Values("graph_injection", "hidden_weight_logic", "edge_operator_payload"));

// The name is a hint, so nothing may depend on it.
TEST_P(HonestGraphs, AreReadWholeAndUnremarkedUnderAnyName) {
  for (const Sample& sample : samples(GetParam(), "clean")) {
    for (const std::string& name : {sample.name, std::string("renamed.dat")}) {
      const Inspection inspection = inspect(sample.bytes, {.name = name});
      EXPECT_TRUE(inspection.complete() && inspection.seen.empty()) << sample.name << told(inspection);
      EXPECT_EQ(inspection.formats.size(), 1U) << sample.name << told(inspection);
    }
  }
}

TEST_P(HonestGraphs, CutAnywhereAreNeverSaidToBeReadWhole) {
  for (const Sample& sample : samples(GetParam(), "clean")) {
    const std::string whole = inspect(sample.bytes, {.name = sample.name}).format();
    const std::size_t step = std::max<std::size_t>(1, sample.bytes.size() / 400);
    for (std::size_t size = 1; size < sample.bytes.size(); size += step) {
      const Inspection inspection = inspect(BytesView(sample.bytes).first(size), {.name = sample.name});
      // The first letters alone may be a text.
      const bool same = inspection.format() == whole;
      EXPECT_FALSE(same && inspection.complete() && inspection.seen.empty())
          << sample.name << " cut at " << size;
    }
  }
}

TEST_P(HonestGraphs, ChangedAnywhereEndInAnAnswer) {
  for (const Sample& sample : samples(GetParam(), "clean")) {
    Bytes bytes = sample.bytes;
    const std::size_t step = std::max<std::size_t>(1, bytes.size() / 400);
    for (std::size_t i = 0; i < bytes.size(); i += step) {
      for (const std::uint8_t change : {std::uint8_t{0x01}, std::uint8_t{0x80}, std::uint8_t{0xff}}) {
        bytes[i] = static_cast<std::uint8_t>(bytes[i] ^ change);
        EXPECT_LE(inspect(bytes, {.name = sample.name}).coverage(), 1.0);
        bytes[i] = sample.bytes[i];
      }
    }
  }
}

}  // namespace
}  // namespace sallyport::formats::inspect
