#include "learn/engine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/parallel.h"

namespace sallyport::learn {

namespace {

// Rows that one task takes; results do not depend on it, since each row is computed alone.
constexpr std::size_t kRowsInBlock = 64;

constexpr std::size_t kLanes = 8;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float))));

// Eight running sums, then their sum: one order on every machine, and wide enough for a vector unit.
float dot(const float* a, const float* b, std::size_t size) {
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

void add_scaled(float* to, const float* from, float factor, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) to[i] += factor * from[i];
}

struct Image {
  std::size_t channels;
  std::size_t height;
  std::size_t width;
  std::size_t size() const { return channels * height * width; }
};

Image image_of(const std::vector<std::uint32_t>& shape) {
  return shape.size() == 3 ? Image{shape[0], shape[1], shape[2]} : Image{1, 1, shape[0]};
}

// One example through a convolution, as a sum over kernel places of shifted images.
void convolve(const Layer& layer, const std::vector<float>& weight, const std::vector<float>& bias, Image in,
              Image out, const float* from, float* to) {
  const std::size_t k = layer.kernel;
  const auto pad = static_cast<std::ptrdiff_t>(layer.padding);
  for (std::size_t o = 0; o < out.channels; ++o) {
    float* plane = to + o * out.height * out.width;
    std::fill_n(plane, out.height * out.width, bias[o]);
    for (std::size_t tap = 0; tap < in.channels * k * k; ++tap) {
      const std::size_t channel = tap / (k * k);
      const auto dy = static_cast<std::ptrdiff_t>(tap / k % k) - pad;
      const auto dx = static_cast<std::ptrdiff_t>(tap % k) - pad;
      const float factor = weight[o * in.channels * k * k + tap];
      for (std::size_t y = 0; y < out.height; ++y) {
        const std::ptrdiff_t source_y = static_cast<std::ptrdiff_t>(y) + dy;
        if (source_y < 0 || source_y >= static_cast<std::ptrdiff_t>(in.height)) continue;
        const std::ptrdiff_t first = std::max<std::ptrdiff_t>(0, -dx);
        const std::ptrdiff_t last =
            std::min(static_cast<std::ptrdiff_t>(out.width), static_cast<std::ptrdiff_t>(in.width) - dx);
        const float* line = from + (channel * in.height + static_cast<std::size_t>(source_y)) * in.width;
        for (std::ptrdiff_t x = first; x < last; ++x)
          plane[y * out.width + static_cast<std::size_t>(x)] += factor * line[x + dx];
      }
    }
  }
}

void pool(const Layer& layer, Image in, Image out, const float* from, float* to) {
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::size_t channel = i / (out.height * out.width);
    const std::size_t y = i / out.width % out.height * layer.kernel;
    const std::size_t x = i % out.width * layer.kernel;
    float largest = -std::numeric_limits<float>::infinity();
    for (std::size_t tap = 0; tap < std::size_t{layer.kernel} * layer.kernel; ++tap) {
      largest = std::max(
          largest, from[(channel * in.height + y + tap / layer.kernel) * in.width + x + tap % layer.kernel]);
    }
    to[i] = largest;
  }
}

// What enters every layer, and behind it what leaves the last one.
using Activations = std::vector<Matrix>;

Result<Activations> forward(const Model& model, const Matrix& inputs) {
  const auto shapes = TRY(shapes_of(model.network));
  if (inputs.columns() != model.network.input.features())
    return invalid("network: inputs have another width");
  Activations out{inputs};
  std::size_t parameter = 0;
  for (std::size_t i = 0; i < model.network.layers.size(); ++i) {
    const Layer& layer = model.network.layers[i];
    const Image in = image_of(shapes[i]);
    const Image next = image_of(shapes[i + 1]);
    if (layer.kind == LayerKind::kFlatten) {
      out.push_back(out.back());
      continue;
    }
    const Matrix& from = out.back();
    Matrix to(inputs.rows(), next.size());
    const std::size_t blocks = (inputs.rows() + kRowsInBlock - 1) / kRowsInBlock;
    parallel_for(blocks, [&](std::size_t block) {
      const std::size_t end = std::min(inputs.rows(), (block + 1) * kRowsInBlock);
      for (std::size_t r = block * kRowsInBlock; r < end; ++r) {
        const float* x = from.row(r).data();
        float* y = to.row(r).data();
        switch (layer.kind) {
          case LayerKind::kRelu:
            for (std::size_t j = 0; j < in.size(); ++j) y[j] = std::max(x[j], 0.0F);
            break;
          case LayerKind::kMaxPool: pool(layer, in, next, x, y); break;
          case LayerKind::kConv2d:
            convolve(layer, model.parameters[parameter], model.parameters[parameter + 1], in, next, x, y);
            break;
          default:
            for (std::size_t o = 0; o < layer.out; ++o) {
              y[o] = dot(model.parameters[parameter].data() + o * layer.in, x, layer.in) +
                     model.parameters[parameter + 1][o];
            }
        }
      }
    });
    out.push_back(std::move(to));
    if (layer.kind == LayerKind::kConv2d || layer.kind == LayerKind::kLinear) parameter += 2;
  }
  return out;
}

// The gradient of the weighted mean cross-entropy with respect to the logits, and the loss.
Gradient head(const Matrix& logits, std::span<const std::uint32_t> labels, std::span<const float> weights) {
  Gradient out{.inputs = softmax(logits)};
  const auto rows = static_cast<float>(logits.rows());
  for (std::size_t r = 0; r < logits.rows(); ++r) {
    const float weight = weights.empty() ? 1.0F : weights[r];
    const std::span<float> row = out.inputs.row(r);
    const double chance = std::max(static_cast<double>(row[labels[r]]), 1e-38);
    out.loss -= static_cast<double>(weight) * std::log(chance) / static_cast<double>(rows);
    row[labels[r]] -= 1;
    for (float& value : row) value *= weight / rows;
  }
  return out;
}

struct LinearGradient {
  std::vector<float> weight;
  std::vector<float> bias;
};

// From the gradient at a linear layer's outputs to that of its parameters.
LinearGradient linear_parameters(const Layer& layer, const Matrix& inputs, const Matrix& above) {
  LinearGradient out{std::vector<float>(std::size_t{layer.out} * layer.in), std::vector<float>(layer.out)};
  for (std::size_t r = 0; r < inputs.rows(); ++r) {
    for (std::size_t o = 0; o < layer.out; ++o) {
      const float factor = above.at(r, o);
      out.bias[o] += factor;
      if (factor != 0) add_scaled(out.weight.data() + o * layer.in, inputs.row(r).data(), factor, layer.in);
    }
  }
  return out;
}

Matrix linear_inputs(const Layer& layer, const std::vector<float>& weight, const Matrix& above) {
  Matrix out(above.rows(), layer.in);
  for (std::size_t r = 0; r < above.rows(); ++r) {
    for (std::size_t o = 0; o < layer.out; ++o) {
      const float factor = above.at(r, o);
      if (factor != 0) add_scaled(out.row(r).data(), weight.data() + o * layer.in, factor, layer.in);
    }
  }
  return out;
}

}  // namespace

Result<void> check_batch(const Model& model, const Matrix& inputs, std::span<const std::uint32_t> labels,
                         std::span<const float> weights) {
  if (labels.size() != inputs.rows() || (!weights.empty() && weights.size() != inputs.rows())) {
    return invalid("network: labels or weights do not match the examples");
  }
  const std::size_t classes = model.network.classes.size();
  if (std::ranges::any_of(labels, [&](std::uint32_t label) { return label >= classes; })) {
    return invalid("network: a label is none of the classes");
  }
  return {};
}

Result<Matrix> PlainEngine::logits(const Model& model, const Matrix& inputs) {
  return std::move(TRY(forward(model, inputs)).back());
}

Result<Gradient> PlainEngine::gradient(const Model& model, const Matrix& inputs,
                                       std::span<const std::uint32_t> labels, std::span<const float> weights,
                                       Want want) {
  TRY(check_batch(model, inputs, labels, weights));
  const Activations activations = TRY(forward(model, inputs));
  Gradient out = head(activations.back(), labels, weights);
  if (want == Want::kParameters) out.parameters.resize(model.parameters.size());
  std::size_t parameter = model.parameters.size();
  for (std::size_t i = model.network.layers.size(); i-- > 0;) {
    const Layer& layer = model.network.layers[i];
    const Matrix& entered = activations[i];
    switch (layer.kind) {
      case LayerKind::kFlatten: break;
      case LayerKind::kRelu:
        for (std::size_t j = 0; j < out.inputs.values().size(); ++j) {
          if (entered.values()[j] <= 0) out.inputs.values()[j] = 0;
        }
        break;
      case LayerKind::kLinear:
        parameter -= 2;
        if (want == Want::kParameters) {
          LinearGradient gradient = linear_parameters(layer, entered, out.inputs);
          out.parameters[parameter] = std::move(gradient.weight);
          out.parameters[parameter + 1] = std::move(gradient.bias);
        }
        if (i > 0 || want == Want::kInputs) {
          out.inputs = linear_inputs(layer, model.parameters[parameter], out.inputs);
        }
        break;
      default:
        return fail(ErrorKind::kUnsupported,
                    "network: the plain engine has no gradient for layer " + std::to_string(i),
                    "train convolutions with sallyport-torch");
    }
  }
  if (want == Want::kParameters) out.inputs = {};
  return out;
}

}  // namespace sallyport::learn
