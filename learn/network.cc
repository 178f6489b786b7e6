#include "learn/network.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/limits.h"
#include "formats/safetensors.h"
#include "learn/random.h"

namespace sallyport::learn {

namespace {

constexpr std::string_view kFormat = "sallyport-network/1";
using Extents = std::vector<std::uint32_t>;

struct KindName {
  LayerKind kind;
  std::string_view name;
};
constexpr std::array<KindName, 5> kKinds{{{LayerKind::kConv2d, "conv2d"},
                                          {LayerKind::kRelu, "relu"},
                                          {LayerKind::kMaxPool, "max-pool"},
                                          {LayerKind::kFlatten, "flatten"},
                                          {LayerKind::kLinear, "linear"}}};

std::string_view name_of(LayerKind kind) { return kKinds[static_cast<std::size_t>(kind)].name; }

std::size_t product(const Extents& extents) {
  return std::accumulate(extents.begin(), extents.end(), std::size_t{1}, std::multiplies<>());
}

std::string text_of(const Extents& extents) { return canonical(Json(extents)); }

// A positive extent; every one is small enough that products of four of them fit 64 bits.
Result<std::uint32_t> extent_of(const Json& object, std::string_view name, std::int64_t minimum = 1) {
  const std::int64_t value = TRY(get_int(object, name));
  if (value < minimum || value > static_cast<std::int64_t>(limits::kNetworkFeaturesMax)) {
    return fail(ErrorKind::kLimit, "'" + std::string(name) + "' is " + std::to_string(value) +
                                       ", not within " + std::to_string(minimum) +
                                       " and kNetworkFeaturesMax");
  }
  return static_cast<std::uint32_t>(value);
}

// One finite number, or one for each feature.
Result<std::vector<float>> numbers_of(const Json& object, const std::string& name, std::size_t features) {
  if (!object.contains(name)) return invalid("'" + name + "' is missing");
  const Json& value = object[name];
  const Json list = value.is_array() ? value : Json::array({value});
  if (list.size() != 1 && list.size() != features) {
    return invalid("'" + name + "' is neither one number nor one for each feature");
  }
  std::vector<float> out;
  for (const Json& number : list) {
    if (!number.is_number()) return invalid("'" + name + "' holds something else than numbers");
    out.push_back(number.get<float>());
    if (!std::isfinite(out.back())) return invalid("'" + name + "' holds a number that 32 bits cannot");
  }
  return out;
}

Result<InputSpec> parse_input(const Json& object) {
  TRY(only_members(object, {"features", "shape", "minimum", "maximum", "shift", "scale"}));
  const std::uint32_t features = TRY(extent_of(object, "features"));
  InputSpec out;
  for (const Json& extent : TRY(get_array(object, "shape"))) {
    out.shape.push_back(TRY(extent_of(Json{{"shape", extent}}, "shape")));
  }
  if ((out.shape.size() != 1 && out.shape.size() != 3) || product(out.shape) != features) {
    return invalid("'shape' is neither [features] nor [channels, height, width] of that product");
  }
  out.shift = TRY(numbers_of(object, "shift", features));
  out.scale = TRY(numbers_of(object, "scale", features));
  if (std::ranges::any_of(out.scale, [](float s) { return !(s > 0); }))
    return invalid("'scale' is not positive");
  if (object.contains("minimum") || object.contains("maximum")) {
    const float minimum = TRY(numbers_of(object, "minimum", 1)).front();
    const float maximum = TRY(numbers_of(object, "maximum", 1)).front();
    if (!(minimum < maximum)) return invalid("'minimum' is not below 'maximum'");
    out.range = Range{minimum, maximum};
  }
  return out;
}

Result<Layer> parse_layer(const Json& object) {
  if (!object.is_object()) return invalid("not an object");
  const std::string type = TRY(get_string(object, "type"));
  const auto* found = std::ranges::find(kKinds, type, &KindName::name);
  if (found == kKinds.end()) return fail(ErrorKind::kUnsupported, "unknown type '" + type + "'");
  Layer out{.kind = found->kind};
  switch (out.kind) {
    case LayerKind::kRelu:
    case LayerKind::kFlatten: TRY(only_members(object, {"type"})); return out;
    case LayerKind::kMaxPool:
      TRY(only_members(object, {"type", "kernel"}));
      out.kernel = TRY(extent_of(object, "kernel"));
      return out;
    case LayerKind::kConv2d:
      TRY(only_members(object, {"type", "in", "out", "kernel", "padding"}));
      out.kernel = TRY(extent_of(object, "kernel"));
      out.padding = TRY(extent_of(object, "padding", 0));
      break;
    case LayerKind::kLinear: TRY(only_members(object, {"type", "in", "out"})); break;
  }
  out.in = TRY(extent_of(object, "in"));
  out.out = TRY(extent_of(object, "out"));
  return out;
}

Result<std::vector<std::string>> parse_classes(const Json& list) {
  std::vector<std::string> out;
  for (const Json& name : list) {
    if (!name.is_string()) return invalid("network: a class is not text");
    out.push_back(name.get<std::string>());
  }
  std::vector<std::string> sorted = out;
  std::ranges::sort(sorted);
  if (std::ranges::adjacent_find(sorted) != sorted.end()) return invalid("network: a class is named twice");
  if (out.size() < 2) return invalid("network: fewer than two classes");
  return out;
}

// What leaves `layer` when `shape` enters it.
Result<Extents> through(const Layer& layer, const Extents& shape) {
  const bool image = shape.size() == 3;
  switch (layer.kind) {
    case LayerKind::kRelu: return shape;
    case LayerKind::kFlatten: return Extents{static_cast<std::uint32_t>(product(shape))};
    case LayerKind::kLinear:
      if (image || shape[0] != layer.in) return invalid("linear of " + std::to_string(layer.in) + " inputs");
      return Extents{layer.out};
    case LayerKind::kMaxPool:
      if (!image || shape[1] < layer.kernel || shape[2] < layer.kernel) {
        return invalid("max-pool of " + std::to_string(layer.kernel));
      }
      return Extents{shape[0], shape[1] / layer.kernel, shape[2] / layer.kernel};
    case LayerKind::kConv2d: break;
  }
  if (!image || shape[0] != layer.in) return invalid("conv2d of " + std::to_string(layer.in) + " channels");
  if (shape[1] + 2 * layer.padding < layer.kernel || shape[2] + 2 * layer.padding < layer.kernel) {
    return invalid("conv2d with a kernel of " + std::to_string(layer.kernel));
  }
  const std::uint32_t shrink = layer.kernel - 1;
  return Extents{layer.out, shape[1] + 2 * layer.padding - shrink, shape[2] + 2 * layer.padding - shrink};
}

Json number_or_list(const std::vector<float>& values) {
  return values.size() == 1 ? Json(values[0]) : Json(values);
}

}  // namespace

std::size_t InputSpec::features() const { return product(shape); }

std::size_t ParameterSpec::size() const {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t{1}, std::multiplies<>());
}

Result<std::vector<Extents>> shapes_of(const Network& network) {
  std::vector<Extents> out{network.input.shape};
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    auto next = through(network.layers[i], out.back());
    if (!next) {
      return invalid("network: layer " + std::to_string(i) + ": " + next.error().message + " does not take " +
                     text_of(out.back()));
    }
    if (product(*next) > limits::kNetworkParametersMax) {
      return fail(ErrorKind::kLimit,
                  "network: layer " + std::to_string(i) + ": output over kNetworkParametersMax");
    }
    out.push_back(std::move(*next));
  }
  if (out.back() != Extents{static_cast<std::uint32_t>(network.classes.size())}) {
    return invalid("network: the last layer yields " + text_of(out.back()) + " for " +
                   std::to_string(network.classes.size()) + " classes");
  }
  return out;
}

std::vector<ParameterSpec> parameters_of(const Network& network) {
  std::vector<ParameterSpec> out;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    const Layer& layer = network.layers[i];
    const bool conv = layer.kind == LayerKind::kConv2d;
    if (!conv && layer.kind != LayerKind::kLinear) continue;
    const std::string name = "layers." + std::to_string(i);
    std::vector<std::uint64_t> weight{layer.out, layer.in};
    if (conv) weight.insert(weight.end(), 2, layer.kernel);
    out.push_back({.name = name + ".weight", .shape = std::move(weight), .layer = i});
    out.push_back({.name = name + ".bias", .shape = {layer.out}, .layer = i});
  }
  return out;
}

Result<Network> parse_network(std::string_view json) {
  const auto document = parse_json(json);
  if (!document) return within("network", document.error());
  if (!document->is_object()) return invalid("network: not an object");
  if (auto closed = only_members(*document, {"format", "classes", "input", "layers"}); !closed) {
    return within("network", closed.error());
  }
  const std::string format = TRY(get_string(*document, "format"));
  if (format != kFormat) return fail(ErrorKind::kUnsupported, "network: unknown format '" + format + "'");
  auto input = parse_input(TRY(get_object(*document, "input")));
  if (!input) return within("network: input", input.error());
  Network out{.classes = TRY(parse_classes(TRY(get_array(*document, "classes")))),
              .input = std::move(*input)};
  const Json layers = TRY(get_array(*document, "layers"));
  if (layers.size() > limits::kNetworkLayersMax) {
    return fail(ErrorKind::kLimit, "network: more than kNetworkLayersMax layers");
  }
  for (std::size_t i = 0; i < layers.size(); ++i) {
    auto layer = parse_layer(layers[i]);
    if (!layer) return within("network: layer " + std::to_string(i), layer.error());
    out.layers.push_back(*layer);
  }
  TRY(shapes_of(out));
  std::size_t total = 0;
  for (const ParameterSpec& parameter : parameters_of(out)) {
    total += std::min(parameter.size(), limits::kNetworkParametersMax + 1);
    if (total > limits::kNetworkParametersMax) {
      return fail(ErrorKind::kLimit, "network: more than kNetworkParametersMax parameters");
    }
  }
  return out;
}

Json to_json(const Network& network) {
  Json layers = Json::array();
  for (const Layer& layer : network.layers) {
    Json entry{{"type", std::string(name_of(layer.kind))}};
    if (layer.kind == LayerKind::kConv2d || layer.kind == LayerKind::kLinear) {
      entry["in"] = layer.in;
      entry["out"] = layer.out;
    }
    if (layer.kernel != 0) entry["kernel"] = layer.kernel;
    if (layer.kind == LayerKind::kConv2d) entry["padding"] = layer.padding;
    layers.push_back(std::move(entry));
  }
  Json input{{"features", network.input.features()},
             {"shape", network.input.shape},
             {"shift", number_or_list(network.input.shift)},
             {"scale", number_or_list(network.input.scale)}};
  if (network.input.range) {
    input["minimum"] = network.input.range->minimum;
    input["maximum"] = network.input.range->maximum;
  }
  return {
      {"format", std::string(kFormat)}, {"classes", network.classes}, {"input", input}, {"layers", layers}};
}

Result<Model> read_model(std::string_view model_json, BytesView model_safetensors) {
  Model out{.network = TRY(parse_network(model_json)), .parameters = {}};
  const formats::SafeTensors arrays = TRY(formats::read_safetensors(model_safetensors));
  const std::vector<ParameterSpec> expected = parameters_of(out.network);
  for (const ParameterSpec& parameter : expected) {
    const formats::Tensor* found = arrays.find(parameter.name);
    if (found == nullptr) return invalid("model: weights lack '" + parameter.name + "'");
    if (found->shape != parameter.shape) return invalid("model: '" + parameter.name + "' has another shape");
    std::vector<float> values = TRY(formats::floats_of(*found));
    if (!std::ranges::all_of(values, [](float v) { return std::isfinite(v); })) {
      return invalid("model: '" + parameter.name + "' holds a number that is not finite");
    }
    out.parameters.push_back(std::move(values));
  }
  if (arrays.tensors.size() != expected.size()) {
    return invalid("model: weights hold arrays that the network has no use for");
  }
  return out;
}

Bytes write_weights(const Model& model) {
  const std::vector<ParameterSpec> specs = parameters_of(model.network);
  SP_CHECK(specs.size() == model.parameters.size());
  std::vector<Bytes> values;
  std::vector<formats::Tensor> tensors;
  for (const std::vector<float>& parameter : model.parameters) values.push_back(formats::bytes_of(parameter));
  for (std::size_t i = 0; i < specs.size(); ++i) {
    tensors.push_back({.name = specs[i].name, .shape = specs[i].shape, .bytes = values[i]});
  }
  auto out = formats::write_safetensors(tensors);
  SP_CHECK(out.has_value());  // names are unique and the sizes were checked when the model was made
  return std::move(*out);
}

Digest digest_of(const Model& model) {
  Hasher hasher;
  hasher.add(sha256(canonical(to_json(model.network))).bytes);
  hasher.add(sha256(write_weights(model)).bytes);
  return hasher.finish();
}

Model initial_model(const Network& network, std::uint64_t seed) {
  Model out{.network = network, .parameters = {}};
  for (const ParameterSpec& parameter : parameters_of(network)) {
    const Layer& layer = network.layers[parameter.layer];
    const std::size_t window =
        layer.kind == LayerKind::kConv2d ? std::size_t{layer.kernel} * layer.kernel : 1;
    const double bound = 1 / std::sqrt(static_cast<double>(layer.in * window));
    Random random(derive_seed(seed, out.parameters.size()));
    std::vector<float> values(parameter.size());
    for (float& value : values) value = static_cast<float>((2 * random.uniform() - 1) * bound);
    out.parameters.push_back(std::move(values));
  }
  return out;
}

Result<Matrix> scaled_inputs(const InputSpec& input, const Matrix& features) {
  if (features.columns() != input.features()) {
    return invalid("network: " + std::to_string(features.columns()) + " features where it takes " +
                   std::to_string(input.features()));
  }
  Matrix out = features;
  for (std::size_t r = 0; r < out.rows(); ++r) {
    const std::span<float> row = out.row(r);
    for (std::size_t j = 0; j < row.size(); ++j) {
      row[j] = (row[j] - input.shift[input.shift.size() == 1 ? 0 : j]) /
               input.scale[input.scale.size() == 1 ? 0 : j];
    }
  }
  return out;
}

std::optional<Range> scaled_range(const InputSpec& input, std::size_t feature) {
  if (!input.range) return std::nullopt;
  const float shift = input.shift[input.shift.size() == 1 ? 0 : feature];
  const float scale = input.scale[input.scale.size() == 1 ? 0 : feature];
  return Range{(input.range->minimum - shift) / scale, (input.range->maximum - shift) / scale};
}

Matrix softmax(const Matrix& logits) {
  Matrix out = logits;
  for (std::size_t r = 0; r < out.rows(); ++r) {
    const std::span<float> row = out.row(r);
    const float largest = *std::ranges::max_element(row);
    float sum = 0;
    for (float& value : row) sum += value = std::exp(value - largest);
    for (float& value : row) value /= sum;
  }
  return out;
}

std::vector<std::uint32_t> argmax(const Matrix& logits) {
  std::vector<std::uint32_t> out(logits.rows());
  for (std::size_t r = 0; r < logits.rows(); ++r) {
    const std::span<const float> row = logits.row(r);
    out[r] = static_cast<std::uint32_t>(std::ranges::max_element(row) - row.begin());
  }
  return out;
}

}  // namespace sallyport::learn
