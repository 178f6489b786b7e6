#include "learn/convolution.h"

#include <algorithm>
#include <cstring>

#include "learn/lanes.h"

namespace sallyport::learn {

namespace {

// Compiled once for any processor and once for AVX2, which is chosen at run time. The sums have eight lanes
// in both and no multiplication is fused, so that every host computes the same bits.
#define SP_WIDE __attribute__((target_clones("avx2", "default"), flatten))

std::size_t taps_of(const Layer& layer, Image in) { return in.channels * layer.kernel * layer.kernel; }

// Calls body(patch, image, count) for every stretch of numbers that a patch shares with a line of the image:
// where it begins in the patches, where in the image, and its length.
template <class Body>
void for_each_stretch(const Layer& layer, Image in, Image out, Body body) {
  const auto k = static_cast<std::ptrdiff_t>(layer.kernel);
  const auto pad = static_cast<std::ptrdiff_t>(layer.padding);
  const auto height = static_cast<std::ptrdiff_t>(in.height);
  const auto width = static_cast<std::ptrdiff_t>(in.width);
  const std::size_t taps = taps_of(layer, in);
  for (std::size_t pixel = 0; pixel < out.pixels(); ++pixel) {
    const std::ptrdiff_t top = static_cast<std::ptrdiff_t>(pixel / out.width) - pad;
    const std::ptrdiff_t left = static_cast<std::ptrdiff_t>(pixel % out.width) - pad;
    const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, -left);
    const std::ptrdiff_t last = std::min(k, width - left);
    if (first >= last) continue;
    for (std::ptrdiff_t line = 0; line < static_cast<std::ptrdiff_t>(in.channels) * k; ++line) {
      const std::ptrdiff_t y = top + line % k;
      if (y < 0 || y >= height) continue;
      const std::ptrdiff_t image = (line / k * height + y) * width + left + first;
      body(pixel * taps + static_cast<std::size_t>(line * k + first), static_cast<std::size_t>(image),
           static_cast<std::size_t>(last - first));
    }
  }
}

// The input that is the largest of the window of output i.
std::size_t largest_of_window(const Layer& layer, Image in, Image out, const float* from, std::size_t i) {
  const std::size_t y = i / out.width % out.height * layer.kernel;
  const std::size_t corner = (i / out.pixels() * in.height + y) * in.width + i % out.width * layer.kernel;
  std::size_t largest = corner;
  for (std::size_t tap = 1; tap < std::size_t{layer.kernel} * layer.kernel; ++tap) {
    const std::size_t place = corner + tap / layer.kernel * in.width + tap % layer.kernel;
    if (from[place] > from[largest]) largest = place;
  }
  return largest;
}

}  // namespace

namespace {

[[gnu::always_inline]] inline float dot_here(const float* a, const float* b, std::size_t size) {
  Lanes sum{};
  std::size_t i = 0;
  for (; i + kLanes <= size; i += kLanes) {
    Lanes x;
    Lanes y;
    std::memcpy(&x, a + i, sizeof x);
    std::memcpy(&y, b + i, sizeof y);
    sum += x * y;
  }
  float rest = 0;
  for (; i < size; ++i) rest += a[i] * b[i];
  for (std::size_t lane = 0; lane < kLanes; ++lane) rest += sum[lane];
  return rest;
}

[[gnu::always_inline]] inline void add_scaled_here(float* to, const float* from, float factor,
                                                   std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] += factor * from[i];
}

}  // namespace

SP_WIDE
float dot(const float* a, const float* b, std::size_t size) { return dot_here(a, b, size); }

SP_WIDE
void add_scaled(float* to, const float* from, float factor, std::size_t size) {
  add_scaled_here(to, from, factor, size);
}

std::vector<float> patches_of(const Layer& layer, Image in, Image out, const float* from) {
  std::vector<float> patches(out.pixels() * taps_of(layer, in));
  for_each_stretch(layer, in, out, [&](std::size_t patch, std::size_t image, std::size_t count) {
    std::copy_n(from + image, count, patches.data() + patch);
  });
  return patches;
}

SP_WIDE
void convolve(const Layer& layer, const std::vector<float>& weight, const std::vector<float>& bias, Image in,
              Image out, const float* from, float* to) {
  const std::size_t taps = taps_of(layer, in);
  const std::vector<float> patches = patches_of(layer, in, out, from);
  for (std::size_t o = 0; o < out.channels; ++o) {
    for (std::size_t pixel = 0; pixel < out.pixels(); ++pixel) {
      to[o * out.pixels() + pixel] =
          bias[o] + dot_here(weight.data() + o * taps, patches.data() + pixel * taps, taps);
    }
  }
}

SP_WIDE
void convolution_parameters(const Layer& layer, Image in, Image out, const float* from, const float* above,
                            std::span<float> weight, std::span<float> bias) {
  const std::size_t taps = taps_of(layer, in);
  const std::vector<float> patches = patches_of(layer, in, out, from);
  for (std::size_t o = 0; o < out.channels; ++o) {
    for (std::size_t pixel = 0; pixel < out.pixels(); ++pixel) {
      const float factor = above[o * out.pixels() + pixel];
      if (factor == 0) continue;
      bias[o] += factor;
      add_scaled_here(weight.data() + o * taps, patches.data() + pixel * taps, factor, taps);
    }
  }
}

SP_WIDE
void convolution_inputs(const Layer& layer, const std::vector<float>& weight, Image in, Image out,
                        const float* above, float* below) {
  const std::size_t taps = taps_of(layer, in);
  std::vector<float> patches(out.pixels() * taps);
  for (std::size_t o = 0; o < out.channels; ++o) {
    for (std::size_t pixel = 0; pixel < out.pixels(); ++pixel) {
      const float factor = above[o * out.pixels() + pixel];
      if (factor != 0) add_scaled_here(patches.data() + pixel * taps, weight.data() + o * taps, factor, taps);
    }
  }
  for_each_stretch(layer, in, out, [&](std::size_t patch, std::size_t image, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) below[image + i] += patches[patch + i];
  });
}

void pool(const Layer& layer, Image in, Image out, const float* from, float* to) {
  for (std::size_t i = 0; i < out.size(); ++i) to[i] = from[largest_of_window(layer, in, out, from, i)];
}

void pool_inputs(const Layer& layer, Image in, Image out, const float* from, const float* above,
                 float* below) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (above[i] != 0) below[largest_of_window(layer, in, out, from, i)] += above[i];
  }
}

}  // namespace sallyport::learn
