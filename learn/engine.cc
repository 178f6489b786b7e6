#include "learn/engine.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"
#include "learn/convolution.h"

namespace sallyport::learn {

namespace {

// Rows that one task takes; results do not depend on it, since each row is computed alone.
constexpr std::size_t kRowsInBlock = 64;

Image image_of(const std::vector<std::uint32_t>& shape) {
  return shape.size() == 3 ? Image{shape[0], shape[1], shape[2]} : Image{1, 1, shape[0]};
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

struct LayerGradient {
  std::vector<float> weight;
  std::vector<float> bias;
};

// From the gradient at a linear layer's outputs to that of its parameters.
LayerGradient linear_parameters(const Layer& layer, const Matrix& inputs, const Matrix& above) {
  LayerGradient out{std::vector<float>(std::size_t{layer.out} * layer.in), std::vector<float>(layer.out)};
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

LayerGradient convolution_parameters(const Layer& layer, Image in, Image next, const Matrix& inputs,
                                     const Matrix& above) {
  LayerGradient out{std::vector<float>(std::size_t{layer.out} * layer.in * layer.kernel * layer.kernel),
                    std::vector<float>(layer.out)};
  for (std::size_t r = 0; r < inputs.rows(); ++r) {
    convolution_parameters(layer, in, next, inputs.row(r).data(), above.row(r).data(), out.weight, out.bias);
  }
  return out;
}

Matrix convolution_inputs(const Layer& layer, Image in, Image next, const std::vector<float>& weight,
                          const Matrix& above) {
  Matrix out(above.rows(), in.size());
  for (std::size_t r = 0; r < above.rows(); ++r) {
    convolution_inputs(layer, weight, in, next, above.row(r).data(), out.row(r).data());
  }
  return out;
}

Matrix pool_inputs(const Layer& layer, Image in, Image next, const Matrix& entered, const Matrix& above) {
  Matrix out(above.rows(), in.size());
  for (std::size_t r = 0; r < above.rows(); ++r) {
    pool_inputs(layer, in, next, entered.row(r).data(), above.row(r).data(), out.row(r).data());
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
  const auto shapes = TRY(shapes_of(model.network));
  Gradient out = head(activations.back(), labels, weights);
  if (want == Want::kParameters) out.parameters.resize(model.parameters.size());
  std::size_t parameter = model.parameters.size();
  const auto keep = [&](LayerGradient gradient) {
    out.parameters[parameter] = std::move(gradient.weight);
    out.parameters[parameter + 1] = std::move(gradient.bias);
  };
  for (std::size_t i = model.network.layers.size(); i-- > 0;) {
    const Layer& layer = model.network.layers[i];
    const Matrix& entered = activations[i];
    const Image in = image_of(shapes[i]);
    const Image next = image_of(shapes[i + 1]);
    const bool goes_on = i > 0 || want == Want::kInputs;
    switch (layer.kind) {
      case LayerKind::kFlatten: break;
      case LayerKind::kRelu:
        for (std::size_t j = 0; j < out.inputs.values().size(); ++j) {
          if (entered.values()[j] <= 0) out.inputs.values()[j] = 0;
        }
        break;
      case LayerKind::kMaxPool: out.inputs = pool_inputs(layer, in, next, entered, out.inputs); break;
      case LayerKind::kLinear:
        parameter -= 2;
        if (want == Want::kParameters) keep(linear_parameters(layer, entered, out.inputs));
        if (goes_on) out.inputs = linear_inputs(layer, model.parameters[parameter], out.inputs);
        break;
      case LayerKind::kConv2d:
        parameter -= 2;
        if (want == Want::kParameters) keep(convolution_parameters(layer, in, next, entered, out.inputs));
        if (goes_on) {
          out.inputs = convolution_inputs(layer, in, next, model.parameters[parameter], out.inputs);
        }
        break;
    }
  }
  if (want == Want::kParameters) out.inputs = {};
  return out;
}

}  // namespace sallyport::learn
