#include "learn/workers/openvino/inference.h"

#include <algorithm>
#include <array>
#include <openvino/openvino.hpp>

#include "core/limits.h"
#include "formats/onnx.h"

namespace sallyport::learn::workers {

namespace {

struct TypeName {
  ov::element::Type_t type;
  std::string_view name;
};
constexpr std::array<TypeName, 11> kTypes{{{ov::element::Type_t::f32, "FP32"},
                                           {ov::element::Type_t::f64, "FP64"},
                                           {ov::element::Type_t::i8, "INT8"},
                                           {ov::element::Type_t::i16, "INT16"},
                                           {ov::element::Type_t::i32, "INT32"},
                                           {ov::element::Type_t::i64, "INT64"},
                                           {ov::element::Type_t::u8, "UINT8"},
                                           {ov::element::Type_t::u16, "UINT16"},
                                           {ov::element::Type_t::u32, "UINT32"},
                                           {ov::element::Type_t::u64, "UINT64"},
                                           {ov::element::Type_t::boolean, "BOOL"}}};

Result<std::string> name_of(const ov::element::Type& type) {
  const auto* found = std::ranges::find(kTypes, static_cast<ov::element::Type_t>(type), &TypeName::type);
  if (found == kTypes.end())
    return fail(ErrorKind::kUnsupported, "openvino: element type " + type.get_type_name());
  return std::string(found->name);
}

Result<ov::element::Type> type_named(const std::string& name) {
  const auto* found = std::ranges::find(kTypes, name, &TypeName::name);
  if (found == kTypes.end()) return fail(ErrorKind::kUnsupported, "openvino: no datatype '" + name + "'");
  return ov::element::Type(found->type);
}

// A port under the name that the file gives it; OpenVINO adds names of what it fused.
Result<worker::TensorSpec> spec_of(const ov::Output<const ov::Node>& port, const std::string& name) {
  if (!port.get_names().contains(name)) return invalid("openvino: no input or output '" + name + "' is left");
  worker::TensorSpec out{.name = name, .datatype = TRY(name_of(port.get_element_type()))};
  const ov::PartialShape shape = port.get_partial_shape();
  if (shape.rank().is_dynamic()) {
    return fail(ErrorKind::kUnsupported, "openvino: '" + out.name + "' has no fixed number of dimensions");
  }
  for (const ov::Dimension& extent : shape)
    out.shape.push_back(extent.is_static() ? extent.get_length() : -1);
  return out;
}

// Within the spec, and no larger than a frame, before OpenVINO is asked for memory.
Result<void> check_input(const worker::TensorSpec& spec, const worker::Tensor& input) {
  const std::string place = "input '" + spec.name + "'";
  if (input.datatype != spec.datatype)
    return invalid(place + ": datatype " + input.datatype + ", not " + spec.datatype);
  bool fits = input.shape.size() == spec.shape.size();
  for (std::size_t i = 0; fits && i < input.shape.size(); ++i) {
    fits = input.shape[i] > 0 && (spec.shape[i] == -1 || spec.shape[i] == input.shape[i]);
  }
  if (!fits) return invalid(place + ": its shape is not one that the model takes");
  if (TRY(worker::tensor_bytes(input.datatype, input.shape)) != input.bytes.size()) {
    return invalid(place + ": shape and bytes disagree");
  }
  return {};
}

template <class Work>
auto guarded(const std::string& what, Work work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    const std::string text = error.what();
    return fail(ErrorKind::kUnsupported, "openvino: " + what + ": " + text.substr(0, 500));
  }
}

}  // namespace

struct Inference::Engine {
  ov::Core core;
  ov::CompiledModel model;
  ov::InferRequest request;
  worker::ModelSpec spec;
};

Inference::Inference() = default;
Inference::~Inference() = default;

Result<worker::ModelSpec> Inference::load(BytesView onnx, int threads) {
  const formats::onnx::Model checked = TRY(formats::onnx::read_onnx(onnx));
  TRY(formats::onnx::verify_onnx(checked));
  const formats::onnx::Graph& graph = checked.graphs.front();
  return guarded("load", [&]() -> Result<worker::ModelSpec> {
    auto engine = std::make_unique<Engine>();
    const std::string bytes(as_text(onnx));
    const std::shared_ptr<ov::Model> model = engine->core.read_model(bytes, ov::Tensor());
    engine->model = engine->core.compile_model(
        model, "CPU", ov::inference_num_threads(std::max(1, threads)), ov::num_streams(1),
        ov::hint::inference_precision(ov::element::f32), ov::hint::enable_cpu_pinning(false));
    engine->request = engine->model.create_infer_request();
    if (engine->model.inputs().size() != graph.inputs.size() ||
        engine->model.outputs().size() != graph.outputs.size()) {
      return fail(ErrorKind::kUnsupported, "openvino: it sees other inputs or outputs than the file names");
    }
    for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
      engine->spec.inputs.push_back(TRY(spec_of(engine->model.input(i), graph.inputs[i].name)));
    }
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      engine->spec.outputs.push_back(TRY(spec_of(engine->model.output(i), graph.outputs[i].name)));
    }
    engine_ = std::move(engine);
    return engine_->spec;
  });
}

Result<std::vector<worker::Tensor>> Inference::infer(const std::vector<worker::Tensor>& inputs) {
  if (engine_ == nullptr) return fail(ErrorKind::kNotFound, "openvino: no model is loaded");
  if (inputs.size() != engine_->spec.inputs.size()) {
    return invalid("the model takes " + std::to_string(engine_->spec.inputs.size()) + " inputs");
  }
  return guarded("infer", [&]() -> Result<std::vector<worker::Tensor>> {
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      const worker::TensorSpec& spec = engine_->spec.inputs[i];
      const auto found = std::ranges::find(inputs, spec.name, &worker::Tensor::name);
      if (found == inputs.end()) return invalid("input '" + spec.name + "' is missing");
      TRY(check_input(spec, *found));
      ov::Tensor tensor(TRY(type_named(spec.datatype)), ov::Shape(found->shape.begin(), found->shape.end()));
      std::ranges::copy(found->bytes, static_cast<std::uint8_t*>(tensor.data()));
      engine_->request.set_input_tensor(i, tensor);
    }
    engine_->request.infer();
    std::vector<worker::Tensor> out;
    for (std::size_t i = 0; i < engine_->spec.outputs.size(); ++i) {
      const ov::Tensor tensor = engine_->request.get_output_tensor(i);
      const ov::Shape shape = tensor.get_shape();
      out.push_back({.name = engine_->spec.outputs[i].name,
                     .datatype = engine_->spec.outputs[i].datatype,
                     .shape = {shape.begin(), shape.end()},
                     .bytes = {static_cast<const std::uint8_t*>(tensor.data()), tensor.get_byte_size()}});
    }
    return out;
  });
}

}  // namespace sallyport::learn::workers
