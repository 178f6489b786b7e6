// The writer of onnx.h. Fields ascend by number within each message, as protobuf's own writers send them.
#include "core/limits.h"
#include "formats/onnx.h"
#include "formats/protobuf.h"

namespace sallyport::formats::onnx {

namespace {

FieldWriter tensor_message(const Tensor& tensor) {
  FieldWriter out;
  for (const std::int64_t extent : tensor.shape) out.integer(1, extent);
  out.integer(2, static_cast<std::int64_t>(tensor.type));
  if (!tensor.name.empty()) out.text(8, tensor.name);
  out.bytes(9, tensor.values());
  return out;
}

// Whether the member that the type points at holds its one value.
bool holds_its_value(const Attribute& attribute) {
  switch (attribute.type) {
    case AttributeType::kFloat: return attribute.floats.size() == 1;
    case AttributeType::kInt: return attribute.ints.size() == 1;
    case AttributeType::kString: return attribute.strings.size() == 1;
    case AttributeType::kTensor: return attribute.tensors.size() == 1;
    default: return true;
  }
}

Result<FieldWriter> attribute_message(const Attribute& attribute) {
  if (!holds_its_value(attribute)) return invalid("onnx: attribute '" + attribute.name + "' lacks its value");
  FieldWriter out;
  out.text(1, attribute.name);
  switch (attribute.type) {
    case AttributeType::kFloat: out.fixed_float(2, attribute.floats.front()); break;
    case AttributeType::kInt: out.integer(3, attribute.ints.front()); break;
    case AttributeType::kString: out.text(4, attribute.strings.front()); break;
    case AttributeType::kTensor: out.message(5, tensor_message(attribute.tensors.front())); break;
    case AttributeType::kFloats:
      for (const float value : attribute.floats) out.fixed_float(7, value);
      break;
    case AttributeType::kInts:
      for (const std::int64_t value : attribute.ints) out.integer(8, value);
      break;
    case AttributeType::kStrings:
      for (const std::string& value : attribute.strings) out.text(9, value);
      break;
    default:
      return fail(ErrorKind::kUnsupported,
                  "onnx: attribute '" + attribute.name + "' holds what is not written here");
  }
  out.integer(20, static_cast<std::int64_t>(attribute.type));
  return out;
}

Result<FieldWriter> node_message(const Node& node) {
  FieldWriter out;
  for (const std::string& input : node.inputs) out.text(1, input);
  for (const std::string& output : node.outputs) out.text(2, output);
  if (!node.name.empty()) out.text(3, node.name);
  out.text(4, node.op);
  for (const Attribute& attribute : node.attributes) out.message(5, TRY(attribute_message(attribute)));
  if (!node.domain.empty()) out.text(7, node.domain);
  return out;
}

FieldWriter value_message(const Value& value) {
  FieldWriter shape;
  for (const Extent& extent : value.shape.value_or(std::vector<Extent>{})) {
    FieldWriter dimension;
    if (extent.value) {
      dimension.integer(1, *extent.value);
    } else if (!extent.name.empty()) {
      dimension.text(2, extent.name);
    }
    shape.message(1, dimension);
  }
  FieldWriter tensor;
  tensor.integer(1, static_cast<std::int64_t>(value.type));
  if (value.shape) tensor.message(2, shape);
  FieldWriter type;
  type.message(1, tensor);
  FieldWriter out;
  out.text(1, value.name);
  if (value.type != DataType::kUndefined) out.message(2, type);
  return out;
}

Result<FieldWriter> graph_message(const Graph& graph) {
  FieldWriter out;
  for (const Node& node : graph.nodes) out.message(1, TRY(node_message(node)));
  out.text(2, graph.name);
  for (const Tensor& tensor : graph.initializers) {
    if (tensor.external || bits_of(tensor.type) == 0) {
      return fail(ErrorKind::kUnsupported,
                  "onnx: initialiser '" + tensor.name + "' is of a kind not written here");
    }
    out.message(5, tensor_message(tensor));
  }
  for (const Value& value : graph.inputs) out.message(11, value_message(value));
  for (const Value& value : graph.outputs) out.message(12, value_message(value));
  for (const Value& value : graph.values) out.message(13, value_message(value));
  return out;
}

}  // namespace

Result<Bytes> write_onnx(const Model& model) {
  if (model.graphs.size() != 1 || !model.graphs[0].sparse_initializers.empty() || !model.unknown.empty()) {
    return fail(ErrorKind::kUnsupported, "onnx: only a model of one plain graph is written here");
  }
  FieldWriter out;
  out.integer(1, model.ir_version);
  if (!model.producer.empty()) out.text(2, model.producer);
  if (!model.producer_version.empty()) out.text(3, model.producer_version);
  if (!model.domain.empty()) out.text(4, model.domain);
  if (model.model_version != 0) out.integer(5, model.model_version);
  if (!model.documentation.empty()) out.text(6, model.documentation);
  out.message(7, TRY(graph_message(model.graphs[0])));
  for (const auto& [domain, version] : model.opsets) {
    FieldWriter opset;
    opset.text(1, domain);
    opset.integer(2, version);
    out.message(8, opset);
  }
  for (const auto& [key, value] : model.metadata) {
    FieldWriter entry;
    entry.text(1, key);
    entry.text(2, value);
    out.message(14, entry);
  }
  if (out.out().size() > limits::kOnnxBytesMax)
    return fail(ErrorKind::kLimit, "onnx: model is over kOnnxBytesMax");
  return std::move(out).out();
}

}  // namespace sallyport::formats::onnx
