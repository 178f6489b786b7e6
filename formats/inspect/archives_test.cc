#include <gtest/gtest.h>
#include <sys/resource.h>
#include <zlib.h>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <iterator>

#include "formats/inspect/archive_paths.h"
#include "tests/paths.h"

namespace sallyport::formats::inspect {
namespace {

Bytes gzip(BytesView bytes) {
  z_stream z{};
  deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  Bytes out(deflateBound(&z, bytes.size()) + 64);
  z.next_in = const_cast<std::uint8_t*>(bytes.data());
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = out.data();
  z.avail_out = static_cast<uInt>(out.size());
  deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  return out;
}

std::vector<std::string> rules(const Inspection& inspection) {
  std::vector<std::string> out;
  for (const Seen& seen : inspection.seen) out.push_back(seen.rule);
  return out;
}

// Not the clock on the wall, which counts what runs beside the test.
double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

long peak_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Sanitizers take time and memory of their own.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// What it takes here to unpack that many zeros and nothing else: machines and their loads differ.
double seconds_to_inflate(std::size_t bytes) {
  const Bytes packed = gzip(Bytes(bytes));
  Bytes out(1 << 16);
  z_stream z{};
  inflateInit2(&z, 15 + 16);
  z.next_in = const_cast<std::uint8_t*>(packed.data());
  z.avail_in = static_cast<uInt>(packed.size());
  const double start = processor_seconds();
  int status = Z_OK;
  while (status == Z_OK) {
    z.next_out = out.data();
    z.avail_out = static_cast<uInt>(out.size());
    status = inflate(&z, Z_NO_FLUSH);
  }
  EXPECT_EQ(z.total_out, bytes);
  inflateEnd(&z);
  return processor_seconds() - start;
}

TEST(Archives, ABombCostsWhatItsAllowanceCosts) {
  // 4 GiB in some kilobytes: gzip members in a row, packed twice more.
  const Bytes once = gzip(Bytes(16 << 20));
  Bytes many;
  for (int i = 0; i < 256; ++i) many.insert(many.end(), once.begin(), once.end());
  const Bytes bomb = gzip(gzip(many));
  ASSERT_LT(bomb.size(), std::size_t{100'000});
  many = {};
  const long before = peak_kib();
  const double start = processor_seconds();
  const Inspection got = inspect(bomb, {});
  const double seconds = processor_seconds() - start;
  EXPECT_EQ(rules(got), std::vector<std::string>{"archive-expands-too-far"});
  EXPECT_FALSE(got.complete());
  if (kSanitized) return;
  EXPECT_LT(peak_kib() - before, 300 * 1024);
  EXPECT_LT(seconds, 3 * seconds_to_inflate(limits::kExpansionFree));
}

TEST(Archives, ZerosWithinTheAllowanceAreNoBomb) {
  const Inspection got = inspect(gzip(Bytes(100 << 20)), {});
  EXPECT_EQ(rules(got), std::vector<std::string>{});
}

TEST(Archives, TooDeepIsAnObservation) {
  Bytes bytes = to_bytes("\x80\x04N.");
  for (int i = 0; i < 8; ++i) bytes = gzip(bytes);
  EXPECT_TRUE(inspect(bytes, {}).seen.empty());
  EXPECT_TRUE(inspect(bytes, {}).complete());
  EXPECT_EQ(rules(inspect(gzip(bytes), {})), std::vector<std::string>{"archive-nests-too-deep"});
}

Bytes sample(const std::string& name) {
  const std::string folder = "/production/model_export/testdata/pickle_code_execution/clean/";
  std::ifstream in(tests::source_dir() + folder + name, std::ios::binary);
  return Bytes((std::istreambuf_iterator<char>(in)), {});
}

TEST(Archives, CheckpointsOfPyTorchAreExplainedToTheLastByte) {
  for (const auto& [name, format] : {std::pair("state_dict.pt", "pytorch-zip"),
                                     {"checkpoint.pt", "pytorch-zip"},
                                     {"state_dict_legacy.pt", "pytorch-legacy"},
                                     {"whole_module.pt", "pytorch-zip"}}) {
    const Bytes bytes = sample(name);
    ASSERT_FALSE(bytes.empty()) << name;
    const Inspection got = inspect(bytes, {});
    EXPECT_EQ(got.format(), format) << name;
    EXPECT_EQ(got.coverage(), 1.0) << name;
    EXPECT_EQ(rules(got), std::vector<std::string>{}) << name;
    EXPECT_TRUE(got.unread.empty()) << name;
  }
}

TEST(Archives, BytesThatNoStorageAsksForAreNotExplained) {
  Bytes bytes = sample("state_dict_legacy.pt");
  bytes.insert(bytes.end(), 8, 0xEE);
  EXPECT_EQ(inspect(bytes, {}).bytes_unaccounted, 8U);
  // The key of a storage, in the header and in the directory, to one that data.pkl does not know.
  bytes = sample("state_dict.pt");
  const std::string known = "state_dict/data/7";
  const std::string unknown = "state_dict/data/x";
  for (std::size_t at = 0; (at = as_text(bytes).find(known, at)) != std::string_view::npos; ++at) {
    std::copy(unknown.begin(), unknown.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  EXPECT_EQ(inspect(bytes, {}).bytes_unaccounted, 64U);
}

TEST(Archives, NoTruncationOrChangeOfACheckpointIsSilentlyComplete) {
  for (const char* name : {"state_dict.pt", "state_dict_legacy.pt"}) {
    const Bytes bytes = sample(name);
    const std::string format = inspect(bytes, {}).format();
    // The first bytes of a checkpoint may be a whole file of another kind: "PK" is a text, and the magic
    // number of the old format is a pickle of its own.
    for (std::size_t size = 1; size < bytes.size(); size += 1 + size / 50) {
      const Inspection cut = inspect(BytesView(bytes).first(size), {});
      const bool another = cut.format() != format && cut.format() != "zip";
      EXPECT_TRUE(another || !cut.complete() || !cut.seen.empty()) << name << " " << size;
    }
    for (std::size_t at = 0; at < bytes.size(); at += 3) {
      Bytes changed = bytes;
      changed[at] ^= 0x41;
      EXPECT_LE(inspect(changed, {}).coverage(), 1.0);
    }
  }
}

TEST(Archives, NamesThatLeadOut) {
  for (const char* path : {"/etc/x", "../x", "a/../../x", "C:\\x", "a\\..\\..\\x", "\\\\host\\x"}) {
    EXPECT_TRUE(leads_out(path)) << path;
  }
  for (const char* path : {"", "x", "./x", "a/../x", "a/..b", "C:x/data.pkl", "archive/data/0"}) {
    EXPECT_FALSE(leads_out(path)) << path;
  }
  EXPECT_EQ(folders_of("a/b/link"), 2);
  EXPECT_FALSE(leads_out("../../x", 2));
  EXPECT_TRUE(leads_out("../../../x", 2));
}

TEST(Archives, JoblibsOldHeaderIsPassed) {
  const std::string pickle("\x80\x04N.", 4);
  Bytes packed(100);
  uLongf size = packed.size();
  compress(packed.data(), &size, as_bytes(pickle).data(), pickle.size());
  packed.resize(size);
  Bytes bytes = to_bytes("ZF0x4");
  bytes.resize(21, ' ');
  bytes.insert(bytes.end(), packed.begin(), packed.end());
  const Inspection got = inspect(bytes, {});
  EXPECT_EQ(got.format(), "joblib");
  EXPECT_EQ(got.layers, 2U);
  EXPECT_TRUE(got.seen.empty());
  EXPECT_EQ(got.coverage(), 1.0);
  bytes.push_back('x');
  EXPECT_LT(inspect(bytes, {}).coverage(), 1.0);
}

}  // namespace
}  // namespace sallyport::formats::inspect
