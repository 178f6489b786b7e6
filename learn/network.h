// A small feed-forward classifier: its description (model.json), its weights (model.safetensors), and both in
// memory.
//
//   {"format": "sallyport-network/1",
//    "classes": ["0", "1", …],
//    "input": {"features": 64, "shape": [1, 8, 8], "minimum": 0, "maximum": 16, "shift": 0, "scale": 16},
//    "layers": [{"type": "conv2d", "in": 1, "out": 16, "kernel": 3, "padding": 1}, {"type": "relu"},
//               {"type": "max-pool", "kernel": 2}, {"type": "flatten"}, {"type": "linear", "in": 256, "out":
//               10}]}
//
// A feature x enters the first layer as (x - shift) / scale; shift and scale are one number or one for each
// feature. `shape` is [features] or [channels, height, width]; minimum and maximum are the range that honest
// features keep to and may be absent together. The last layer yields one number a class, whose softmax is its
// probability. Layer i keeps its weights under layers.I.weight, [out, in] or [out, in, kernel, kernel], and
// layers.I.bias, [out].
//
// The reader is closed: an unknown member, a layer that does not fit the one before it, weights that are
// missing, superfluous, of another shape or not finite are Errors. Limits: kNetwork* of core/limits.h. Safe
// from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/digest.h"
#include "core/json.h"
#include "core/result.h"
#include "learn/matrix.h"

namespace sallyport::learn {

enum class LayerKind : std::uint8_t { kConv2d, kRelu, kMaxPool, kFlatten, kLinear };

struct Layer {
  LayerKind kind = LayerKind::kRelu;
  std::uint32_t in = 0;       // channels or numbers, of conv2d and linear
  std::uint32_t out = 0;      // likewise
  std::uint32_t kernel = 0;   // of conv2d (stride 1) and max-pool (stride = kernel)
  std::uint32_t padding = 0;  // of conv2d, with zeros on every side

  bool operator==(const Layer&) const = default;
};

struct Range {
  float minimum = 0;
  float maximum = 0;

  bool operator==(const Range&) const = default;
};

struct InputSpec {
  std::vector<std::uint32_t> shape = {};
  std::vector<float> shift = {0};
  std::vector<float> scale = {1};
  std::optional<Range> range = {};  // of the features before scaling

  std::size_t features() const;
  bool operator==(const InputSpec&) const = default;
};

struct Network {
  std::vector<std::string> classes = {};
  InputSpec input = {};
  std::vector<Layer> layers = {};

  bool operator==(const Network&) const = default;
};

// [numbers] or [channels, height, width] of what enters each layer, and behind the last layer of what leaves
// it.
Result<std::vector<std::vector<std::uint32_t>>> shapes_of(const Network& network);

struct ParameterSpec {
  std::string name;
  std::vector<std::uint64_t> shape;
  std::size_t layer = 0;

  std::size_t size() const;
};
// In the order of the layers, weight before bias.
std::vector<ParameterSpec> parameters_of(const Network& network);

Result<Network> parse_network(std::string_view json);
Json to_json(const Network& network);

// Numbers in the order of parameters_of(network).
using ParameterValues = std::vector<std::vector<float>>;

struct Model {
  Network network;
  ParameterValues parameters;
};

Result<Model> read_model(std::string_view model_json, BytesView model_safetensors);
Bytes write_weights(const Model& model);
// What names a model: SHA-256 over the digests of canonical model.json and of model.safetensors as we write
// it.
Digest digest_of(const Model& model);

// Uniform within 1 / sqrt(inputs of a unit), LeCun's bound, from `seed` alone: every engine starts from the
// same bits.
Model initial_model(const Network& network, std::uint64_t seed);

// Features of a table as the first layer sees them. Error when the widths differ.
Result<Matrix> scaled_inputs(const InputSpec& input, const Matrix& features);
// The range of scaled feature j, when the network states one.
std::optional<Range> scaled_range(const InputSpec& input, std::size_t feature);

// Each row's softmax, and each row's largest entry (the first of equals).
Matrix softmax(const Matrix& logits);
std::vector<std::uint32_t> argmax(const Matrix& logits);

}  // namespace sallyport::learn
