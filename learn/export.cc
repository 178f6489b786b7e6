#include "learn/export.h"

#include "formats/onnx.h"
#include "formats/safetensors.h"

namespace sallyport::learn {

namespace {

namespace onnx = formats::onnx;

// What every runtime of the last years reads: IR 8 with operator set 17 (ONNX 1.12, 2022).
constexpr std::int64_t kIrVersion = 8;
constexpr std::int64_t kOperatorSet = 17;

onnx::Tensor floats(const std::string& name, const std::vector<std::int64_t>& shape,
                    const std::vector<float>& values) {
  return {.name = name, .type = onnx::DataType::kFloat, .shape = shape, .data = formats::bytes_of(values)};
}

onnx::Tensor integers(const std::string& name, const std::vector<std::int64_t>& values) {
  onnx::Tensor out{
      .name = name, .type = onnx::DataType::kInt64, .shape = {static_cast<std::int64_t>(values.size())}};
  for (const std::int64_t value : values) append_le(out.data, static_cast<std::uint64_t>(value), 8);
  return out;
}

onnx::Attribute integer(const std::string& name, std::int64_t value) {
  return {.name = name, .type = onnx::AttributeType::kInt, .ints = {value}};
}

onnx::Attribute list(const std::string& name, std::vector<std::int64_t> values) {
  return {.name = name, .type = onnx::AttributeType::kInts, .ints = std::move(values)};
}

onnx::Value batch_of(std::string_view name, std::size_t width) {
  return {
      .name = std::string(name),
      .type = onnx::DataType::kFloat,
      .shape = {{onnx::Extent{.name = "batch"}, onnx::Extent{.value = static_cast<std::int64_t>(width)}}}};
}

class GraphBuilder {
 public:
  explicit GraphBuilder(const Model& model) : model_(model), current_(kInputName) {}

  onnx::Graph build() {
    const Network& network = model_.network;
    graph_.name = "network";
    graph_.inputs = {batch_of(kInputName, network.input.features())};
    graph_.outputs = {batch_of(kLogitsName, network.classes.size()),
                      batch_of(kProbabilitiesName, network.classes.size())};
    scale();
    for (std::size_t i = 0; i < network.layers.size(); ++i) layer(i);
    if (network.layers.empty()) add("Identity", {}, std::string(kLogitsName));
    add("Softmax", {}, std::string(kProbabilitiesName), {integer("axis", 1)});
    return std::move(graph_);
  }

 private:
  // A node that takes what the one before it gave, and the named initialisers.
  void add(const std::string& op, const std::vector<std::string>& more, const std::string& output,
           std::vector<onnx::Attribute> attributes = {}) {
    std::vector<std::string> inputs{current_};
    inputs.insert(inputs.end(), more.begin(), more.end());
    graph_.nodes.push_back({.name = output + "." + op,
                            .op = op,
                            .inputs = std::move(inputs),
                            .outputs = {output},
                            .attributes = std::move(attributes)});
    current_ = output;
  }

  void scale() {
    const InputSpec& input = model_.network.input;
    const auto width = [](const std::vector<float>& values) {
      return static_cast<std::int64_t>(values.size());
    };
    graph_.initializers.push_back(floats("input.shift", {width(input.shift)}, input.shift));
    graph_.initializers.push_back(floats("input.scale", {width(input.scale)}, input.scale));
    add("Sub", {"input.shift"}, "shifted");
    add("Div", {"input.scale"}, "scaled");
    if (input.shape.size() == 3) {
      std::vector<std::int64_t> shape{-1};
      shape.insert(shape.end(), input.shape.begin(), input.shape.end());
      graph_.initializers.push_back(integers("input.shape", shape));
      add("Reshape", {"input.shape"}, "image");
    }
  }

  // The layer's weight and bias as initialisers; their names.
  std::vector<std::string> weights(std::size_t index) {
    std::vector<std::string> names;
    const std::vector<ParameterSpec> specs = parameters_of(model_.network);
    for (std::size_t p = 0; p < specs.size(); ++p) {
      if (specs[p].layer != index) continue;
      const std::vector<std::int64_t> shape(specs[p].shape.begin(), specs[p].shape.end());
      graph_.initializers.push_back(floats(specs[p].name, shape, model_.parameters[p]));
      names.push_back(specs[p].name);
    }
    return names;
  }

  void layer(std::size_t index) {
    const Layer& of = model_.network.layers[index];
    const bool last = index + 1 == model_.network.layers.size();
    const std::string output = last ? std::string(kLogitsName) : "layers." + std::to_string(index);
    const std::int64_t kernel = of.kernel;
    const std::int64_t padding = of.padding;
    switch (of.kind) {
      case LayerKind::kRelu: return add("Relu", {}, output);
      case LayerKind::kFlatten: return add("Flatten", {}, output, {integer("axis", 1)});
      case LayerKind::kMaxPool:
        return add("MaxPool", {}, output,
                   {list("kernel_shape", {kernel, kernel}), list("strides", {kernel, kernel})});
      case LayerKind::kConv2d:
        return add(
            "Conv", weights(index), output,
            {list("kernel_shape", {kernel, kernel}), list("pads", {padding, padding, padding, padding})});
      case LayerKind::kLinear: return add("Gemm", weights(index), output, {integer("transB", 1)});
    }
  }

  const Model& model_;
  onnx::Graph graph_;
  std::string current_;
};

}  // namespace

Result<Bytes> export_onnx(const Model& model) {
  const onnx::Model out{.ir_version = kIrVersion,
                        .producer = "sallyport",
                        .opsets = {{"", kOperatorSet}},
                        .graphs = {GraphBuilder(model).build()}};
  TRY(onnx::verify_onnx(out));
  return onnx::write_onnx(out);
}

Json model_metadata(const Network& network, const std::string& name) {
  Json input{
      {"name", std::string(kInputName)}, {"datatype", "FP32"}, {"shape", {-1, network.input.features()}}};
  if (network.input.range) {
    input["minimum"] = network.input.range->minimum;
    input["maximum"] = network.input.range->maximum;
  }
  Json outputs = Json::array();
  for (const std::string_view output : {kLogitsName, kProbabilitiesName}) {
    outputs.push_back(
        {{"name", std::string(output)}, {"datatype", "FP32"}, {"shape", {-1, network.classes.size()}}});
  }
  return {{"name", name},
          {"versions", Json::array()},
          {"platform", "onnx_openvino"},
          {"inputs", Json::array({std::move(input)})},
          {"outputs", std::move(outputs)}};
}

}  // namespace sallyport::learn
