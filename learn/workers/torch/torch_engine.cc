#include "learn/workers/torch/torch_engine.h"

#include <dlfcn.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>

namespace sallyport::learn::workers {

namespace {

constexpr std::size_t kRowsInPass = 512;  // bounds the memory of activations

// from_blob wants a pointer to mutable memory; what is read through it here is never written.
torch::Tensor view_of(std::span<const float> values, std::vector<std::int64_t> shape) {
  return torch::from_blob(const_cast<float*>(values.data()), shape, torch::kFloat32);
}

std::vector<torch::Tensor> tensors_of(const Model& model, bool with_gradient) {
  std::vector<torch::Tensor> out;
  const std::vector<ParameterSpec> specs = parameters_of(model.network);
  for (std::size_t p = 0; p < specs.size(); ++p) {
    const std::vector<std::int64_t> shape(specs[p].shape.begin(), specs[p].shape.end());
    out.push_back(view_of(model.parameters[p], shape));
    if (with_gradient) out.back().set_requires_grad(true);
  }
  return out;
}

torch::Tensor forward(const Network& network, const std::vector<torch::Tensor>& parameters, torch::Tensor x) {
  if (network.input.shape.size() == 3) {
    std::vector<std::int64_t> shape{-1};
    shape.insert(shape.end(), network.input.shape.begin(), network.input.shape.end());
    x = x.reshape(shape);
  }
  std::size_t p = 0;
  for (const Layer& layer : network.layers) {
    switch (layer.kind) {
      case LayerKind::kRelu: x = torch::relu(x); break;
      case LayerKind::kFlatten: x = x.flatten(1); break;
      case LayerKind::kMaxPool: x = torch::max_pool2d(x, layer.kernel); break;
      case LayerKind::kConv2d:
        x = torch::conv2d(x, parameters[p], parameters[p + 1], 1, layer.padding);
        p += 2;
        break;
      case LayerKind::kLinear:
        x = torch::linear(x, parameters[p], parameters[p + 1]);
        p += 2;
        break;
    }
  }
  return x;
}

std::vector<float> floats_of(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.contiguous();
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

std::int64_t extent(std::size_t value) { return static_cast<std::int64_t>(value); }

torch::Tensor loss_of(const torch::Tensor& logits, std::span<const std::uint32_t> labels,
                      std::span<const float> weights) {
  const std::vector<std::int64_t> targets(labels.begin(), labels.end());
  const torch::Tensor target = torch::tensor(targets, torch::kInt64);
  const torch::Tensor losses = torch::nn::functional::cross_entropy(
      logits, target, torch::nn::functional::CrossEntropyFuncOptions().reduction(torch::kNone));
  if (weights.empty()) return losses.mean();
  return (losses * view_of(weights, {extent(weights.size())})).mean();
}

// LibTorch reports by exception.
template <class Work>
auto guarded(Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return fail(ErrorKind::kUnsupported, "torch: " + text.substr(0, text.find('\n')));
  }
}

}  // namespace

TorchEngine::TorchEngine() {
  torch::set_num_threads(1);
  at::globalContext().setDeterministicAlgorithms(true, false);
  // OpenBLAS keeps threads of its own; how they share a product would change its rounding.
  using SetThreads = void (*)(int);
  if (void* symbol = ::dlsym(RTLD_DEFAULT, "openblas_set_num_threads"); symbol != nullptr) {
    reinterpret_cast<SetThreads>(symbol)(1);
  }
}

Result<Matrix> TorchEngine::logits(const Model& model, const Matrix& inputs) {
  TRY(shapes_of(model.network));
  if (inputs.columns() != model.network.input.features())
    return invalid("network: inputs have another width");
  return guarded([&]() -> Result<Matrix> {
    const torch::NoGradGuard no_gradient;
    const std::vector<torch::Tensor> parameters = tensors_of(model, false);
    Matrix out(inputs.rows(), model.network.classes.size());
    for (std::size_t begin = 0; begin < inputs.rows(); begin += kRowsInPass) {
      const std::size_t rows = std::min(kRowsInPass, inputs.rows() - begin);
      const auto part = inputs.values().subspan(begin * inputs.columns(), rows * inputs.columns());
      const torch::Tensor scores =
          forward(model.network, parameters, view_of(part, {extent(rows), extent(inputs.columns())}));
      const std::vector<float> values = floats_of(scores);
      std::ranges::copy(values, out.row(begin).begin());
    }
    return out;
  });
}

Result<Gradient> TorchEngine::gradient(const Model& model, const Matrix& inputs,
                                       std::span<const std::uint32_t> labels, std::span<const float> weights,
                                       Want want) {
  TRY(check_batch(model, inputs, labels, weights));
  return guarded([&]() -> Result<Gradient> {
    std::vector<torch::Tensor> parameters = tensors_of(model, want == Want::kParameters);
    torch::Tensor x = view_of(inputs.values(), {extent(inputs.rows()), extent(inputs.columns())});
    if (want == Want::kInputs) x.set_requires_grad(true);
    const torch::Tensor loss = loss_of(forward(model.network, parameters, x), labels, weights);
    loss.backward();
    Gradient out{.loss = loss.item<float>()};
    if (want == Want::kInputs) {
      out.inputs = Matrix(inputs.rows(), inputs.columns(), floats_of(x.grad()));
    } else {
      for (const torch::Tensor& parameter : parameters) out.parameters.push_back(floats_of(parameter.grad()));
    }
    return out;
  });
}

}  // namespace sallyport::learn::workers
