// An engine turns parameters and inputs into outputs and gradients. It holds no state of the training: what a
// step does with a gradient is written once, in learn/training.h, for every engine.
//
// Inputs are scaled (scaled_inputs of learn/network.h), one example a row. An engine is for one thread at a
// time.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "core/result.h"
#include "learn/matrix.h"
#include "learn/network.h"

namespace sallyport::learn {

struct Gradient {
  double loss = 0;                  // the mean over the batch of weight times cross-entropy
  ParameterValues parameters = {};  // its gradient, in the order and sizes of Model::parameters
  Matrix inputs = {};               // and that of the inputs, when it was asked for
};

enum class Want : std::uint8_t { kParameters, kInputs };

// What every engine demands of a batch: one label, and one weight if any, for each example, and known
// classes.
Result<void> check_batch(const Model& model, const Matrix& inputs, std::span<const std::uint32_t> labels,
                         std::span<const float> weights);

class Engine {
 public:
  virtual ~Engine() = default;

  virtual std::string_view name() const = 0;
  // One row of class scores an example.
  virtual Result<Matrix> logits(const Model& model, const Matrix& inputs) = 0;
  // `weights` is empty (all 1) or holds one number an example. kInputs leaves Gradient::parameters empty.
  virtual Result<Gradient> gradient(const Model& model, const Matrix& inputs,
                                    std::span<const std::uint32_t> labels, std::span<const float> weights,
                                    Want want) = 0;
};

// The reference, in plain C++ of 32-bit floats. Sums run in one fixed order, so it gives the same bits
// everywhere.
class PlainEngine final : public Engine {
 public:
  std::string_view name() const override { return "plain"; }
  Result<Matrix> logits(const Model& model, const Matrix& inputs) override;
  Result<Gradient> gradient(const Model& model, const Matrix& inputs, std::span<const std::uint32_t> labels,
                            std::span<const float> weights, Want want) override;
};

}  // namespace sallyport::learn
