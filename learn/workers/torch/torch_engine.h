// The engine of learn/engine.h on LibTorch: every layer, gradients by autograd.
//
// One thread and deterministic algorithms, so that the same call gives the same bits on one machine.
#pragma once

#include "learn/engine.h"

namespace sallyport::learn::workers {

class TorchEngine final : public Engine {
 public:
  TorchEngine();

  std::string_view name() const override { return "torch"; }
  Result<Matrix> logits(const Model& model, const Matrix& inputs) override;
  Result<Gradient> gradient(const Model& model, const Matrix& inputs, std::span<const std::uint32_t> labels,
                            std::span<const float> weights, Want want) override;
};

}  // namespace sallyport::learn::workers
