// Convolution and max-pooling of one example, forth and back: what the plain engine does of images.
//
// A convolution goes over patches: the numbers under the kernel at one output pixel, in the order of a row of
// the weights, which makes every sum one over contiguous memory. Sums run in one fixed order. Going back, an
// output whose gradient is exactly 0 is skipped: behind pooling and relu most are. Safe from any thread.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "learn/network.h"

namespace sallyport::learn {

struct Image {
  std::size_t channels = 1;
  std::size_t height = 1;
  std::size_t width = 1;

  std::size_t pixels() const { return height * width; }
  std::size_t size() const { return channels * pixels(); }
};

// Eight running sums, then their sum: one order on every machine, and wide enough for a vector unit.
float dot(const float* a, const float* b, std::size_t size);
void add_scaled(float* to, const float* from, float factor, std::size_t size);

// One row for each output pixel: kernel * kernel numbers of each channel, 0 where they lie outside.
std::vector<float> patches_of(const Layer& layer, Image in, Image out, const float* from);

void convolve(const Layer& layer, const std::vector<float>& weight, const std::vector<float>& bias, Image in,
              Image out, const float* from, float* to);
// Adds to the gradients of weight and bias what one example contributes; `above` is the gradient at the
// outputs.
void convolution_parameters(const Layer& layer, Image in, Image out, const float* from, const float* above,
                            std::span<float> weight, std::span<float> bias);
// Adds the gradient at the inputs to `below`, which is 0 to begin with.
void convolution_inputs(const Layer& layer, const std::vector<float>& weight, Image in, Image out,
                        const float* above, float* below);

void pool(const Layer& layer, Image in, Image out, const float* from, float* to);
// The gradient of an output goes to the first largest number of its window.
void pool_inputs(const Layer& layer, Image in, Image out, const float* from, const float* above,
                 float* below);

}  // namespace sallyport::learn
