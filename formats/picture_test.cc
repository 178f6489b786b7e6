// Pictures as Pillow writes them, and as they are after damage.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "core/env.h"
#include "core/limits.h"
#include "formats/jpeg.h"
#include "formats/png.h"
#include "tests/paths.h"

namespace sallyport::formats {
namespace {

std::string folder() { return tests::source_dir() + "/formats/testdata/pictures/"; }

Bytes file(const std::string& name) {
  Result<Bytes> out = system_env().read_file(folder() + name, limits::kMiB);
  EXPECT_TRUE(out) << name;
  return out.value_or(Bytes());
}

TEST(png, has_the_samples_that_pillow_reads) {
  for (const char* name : {"rgb.png", "grey.png", "palette.png", "bits.png", "alpha.png", "grey16.png"}) {
    const Result<Picture> picture = read_png(file(name));
    ASSERT_TRUE(picture) << name << ": " << picture.error().message;
    EXPECT_EQ(picture->width, 37u) << name;
    EXPECT_EQ(picture->height, 26u) << name;
    EXPECT_EQ(picture->samples, file(std::string(name) + ".raw")) << name;
  }
}

TEST(jpeg, has_the_samples_that_pillow_reads_up_to_rounding_and_upsampling) {
  struct Case {
    const char* name;
    int far;      // steps that a sample may differ
    double mean;  // and on average
  };
  // Subsampled colours are replicated here and interpolated there.
  for (const auto& [name, far, mean] : {Case{"full.jpg", 3, 0.6}, Case{"grey.jpg", 2, 0.5},
                                        Case{"grey_progressive.jpg", 2, 0.5}, Case{"baseline.jpg", 60, 3},
                                        Case{"progressive.jpg", 60, 3}, Case{"restarts.jpg", 60, 3}}) {
    const Result<Picture> picture = read_jpeg(file(name));
    ASSERT_TRUE(picture) << name << ": " << picture.error().message;
    const Bytes wanted = file(std::string(name) + ".raw");
    ASSERT_EQ(picture->samples.size(), wanted.size()) << name;
    double sum = 0;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const int apart = std::abs(int{picture->samples[i]} - int{wanted[i]});
      EXPECT_LE(apart, far) << name << " at " << i;
      sum += apart;
    }
    EXPECT_LE(sum / static_cast<double>(wanted.size()), mean) << name;
  }
}

TEST(pictures, that_are_damaged_are_refused_or_read_and_never_more) {
  for (const auto& entry : std::filesystem::directory_iterator(folder())) {
    const std::string name = entry.path().filename().string();
    if (name.ends_with(".raw")) continue;
    const Bytes whole = file(name);
    const auto read = [&](BytesView bytes) { return is_png(bytes) ? read_png(bytes) : read_jpeg(bytes); };
    for (std::size_t size = 0; size < whole.size(); size += 3) {
      const Result<Picture> cut = read(BytesView(whole).subspan(0, size));
      EXPECT_FALSE(cut) << name << " cut at " << size;
    }
    for (std::size_t at = 0; at < whole.size(); ++at) {
      Bytes changed = whole;
      changed[at] ^= 0x55;
      const Result<Picture> picture = read(changed);
      if (!picture) continue;
      EXPECT_EQ(picture->samples.size(), picture->width * picture->height * picture->channels);
      // PNG has checksums of everything behind its signature.
      EXPECT_FALSE(is_png(whole)) << name << " changed at " << at;
    }
  }
}

TEST(Png, WhatIsWrittenReadsBackTheSame) {
  for (std::size_t channels = 1; channels <= 4; ++channels) {
    Picture picture{.width = 7, .height = 5, .channels = channels};
    for (std::size_t i = 0; i < 35 * channels; ++i)
      picture.samples.push_back(static_cast<std::uint8_t>(i * 37 >> 1));
    const Result<Picture> again = read_png(write_png(picture));
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(again->width, 7u);
    EXPECT_EQ(again->channels, channels);
    EXPECT_EQ(again->samples, picture.samples);
  }
}

}  // namespace
}  // namespace sallyport::formats
