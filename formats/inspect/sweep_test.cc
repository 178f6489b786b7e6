// Bad input of every format at once: each sample of the repository, cut short and with single bytes changed,
// ends in a verdict, and what is cut is never said to be whole.
//
// By default each sample gets a share of a second, spread over its length; with SALLYPORT_SWEEP=SECONDS as
// many: in three, every length and every byte of most are tried.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/inspect/inspect.h"
#include "tests/paths.h"

namespace sallyport::formats::inspect {
namespace {

namespace fs = std::filesystem;

struct Sample {
  std::string name = {};
  Bytes bytes = {};
};

std::vector<Sample> samples() {
  std::vector<Sample> out;
  for (const char* folder : {"/formats/testdata", "/production/model_export/testdata"}) {
    const fs::path root = tests::source_dir() + std::string(folder);
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream in(entry.path(), std::ios::binary);
      out.push_back({entry.path().lexically_relative(tests::source_dir()).string(),
                     Bytes(std::istreambuf_iterator<char>(in), {})});
    }
  }
  std::ranges::sort(out, {}, &Sample::name);
  return out;
}

// Formats whose last byte is known from what stands before it: cut anywhere, they are not whole. Texts, rows
// of pickles and protobufs may end between two parts, and zeros at the end of GGUF and TFLite are padding.
bool tells_its_end(const std::string& format) {
  constexpr std::string_view kNames[] = {
      "pytorch-zip", "torchscript", "torchscript-mobile", "torch-export", "torch-package", "npz",
      "zip",         "npy",         "safetensors",        "hdf5",         "keras-h5",      "gguf",
      "tflite",      "catboost",    "xgboost",            "7z",           "gzip",          "bzip2",
      "xz",          "zlib",        "lzma",               "lz4",          "zstd"};
  return std::ranges::find(kNames, format) != std::end(kNames);
}

class Sweep {
 public:
  explicit Sweep(const Sample& sample) : sample_(sample) {
    options_.name = fs::path(sample.name).filename().string();
    const auto start = std::chrono::steady_clock::now();
    const Inspection honest = inspect(sample_.bytes, options_);
    format_ = honest.format();
    tells_ = tells_its_end(format_) && honest.complete() && honest.seen.empty();
    const std::chrono::duration<double> each = std::chrono::steady_clock::now() - start;
    const char* const seconds = std::getenv("SALLYPORT_SWEEP");
    const double share = seconds != nullptr ? std::strtod(seconds, nullptr) : 0.008;
    const auto tries = static_cast<std::size_t>(std::min(share / (each.count() + 1e-6), 1e9)) + 1;
    step_ = std::max<std::size_t>(sample_.bytes.size() / tries, 1);
  }

  void cut() const {
    for (std::size_t size = sample_.bytes.size() - 1; size > 0; size -= step_) {
      const Inspection got = inspect(BytesView(sample_.bytes).first(size), options_);
      check(got, size);
      const bool whole = got.complete() && got.seen.empty() && got.format() == format_;
      const bool padding = std::all_of(sample_.bytes.begin() + static_cast<std::ptrdiff_t>(size),
                                       sample_.bytes.end(), [](auto byte) { return byte == 0; });
      EXPECT_FALSE(whole && !padding && tells_) << sample_.name << " cut at " << size;
      if (size <= step_) break;
    }
  }

  void change() const {
    Bytes bytes = sample_.bytes;
    for (std::size_t at = 0; at < bytes.size(); at += step_) {
      const std::uint8_t honest = bytes[at];
      for (const int mask : {0x01, 0x80, 0xFF}) {
        bytes[at] = static_cast<std::uint8_t>(honest ^ mask);
        check(inspect(bytes, options_), at);
      }
      bytes[at] = honest;
    }
  }

 private:
  void check(const Inspection& got, std::size_t at) const {
    EXPECT_LE(got.bytes_unaccounted, got.bytes_total) << sample_.name << " at " << at;
    EXPECT_LE(got.seen.size(), limits::kInspectSeenMax) << sample_.name << " at " << at;
    EXPECT_LE(got.bytes_total, limits::kExpansionFree + sample_.bytes.size() * limits::kExpansionRatioMax);
  }

  const Sample& sample_;
  Options options_;
  std::string format_;
  bool tells_ = false;  // cut anywhere, it is not whole
  std::size_t step_ = 1;
};

TEST(BadInput, EverySampleCutShortEndsInAVerdictAndIsNotWhole) {
  ASSERT_GT(samples().size(), 200U);
  for (const Sample& sample : samples()) {
    if (!sample.bytes.empty()) Sweep(sample).cut();
  }
}

TEST(BadInput, EverySampleWithAByteChangedEndsInAVerdict) {
  for (const Sample& sample : samples()) Sweep(sample).change();
}

}  // namespace
}  // namespace sallyport::formats::inspect
