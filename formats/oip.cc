#include "formats/oip.h"

#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "core/limits.h"

namespace sallyport::formats::oip {
namespace {

struct DatatypeInfo {
  std::string_view name;
  std::size_t size;
};
constexpr std::array<DatatypeInfo, 12> kDatatypes{{{"BOOL", 1},
                                                   {"UINT8", 1},
                                                   {"UINT16", 2},
                                                   {"UINT32", 4},
                                                   {"UINT64", 8},
                                                   {"INT8", 1},
                                                   {"INT16", 2},
                                                   {"INT32", 4},
                                                   {"INT64", 8},
                                                   {"FP32", 4},
                                                   {"FP64", 8},
                                                   {"BYTES", 0}}};

Result<std::optional<double>> read_bound(const Json& entry, std::string_view name) {
  if (!entry.contains(name) || entry[name].is_null()) return std::optional<double>{};
  return std::optional<double>(TRY(get_number(entry, name)));
}

Result<TensorSpec> read_spec(const Json& entry) {
  TensorSpec spec{.name = TRY(get_string(entry, "name"))};
  const std::string datatype = TRY(get_string(entry, "datatype"));
  const auto known = datatype_named(datatype);
  if (!known) {
    return fail(ErrorKind::kUnsupported, "datatype " + shown(datatype) + " is not one that we serve");
  }
  spec.datatype = *known;
  for (const Json& extent : TRY(get_array(entry, "shape"))) {
    if (!extent.is_number_integer() || extent.get<std::int64_t>() < -1 || extent.get<std::int64_t>() == 0) {
      return invalid("shape: an extent must be -1 or positive");
    }
    spec.shape.push_back(extent.get<std::int64_t>());
  }
  if (spec.shape.size() > limits::kTensorDimensionsMax) {
    return fail(ErrorKind::kLimit, "shape: over 16 dimensions");
  }
  spec.minimum = TRY(read_bound(entry, "minimum"));
  spec.maximum = TRY(read_bound(entry, "maximum"));
  return spec;
}

Result<std::vector<TensorSpec>> read_specs(const Json& model, std::string_view member) {
  std::vector<TensorSpec> out;
  const Json entries = TRY(get_array(model, member));
  if (entries.size() > limits::kTensorsMax) return fail(ErrorKind::kLimit, "model: over 64 tensors");
  for (const Json& entry : entries) {
    Result<TensorSpec> spec = read_spec(entry);
    if (!spec) return within("model: " + std::string(member), spec.error());
    out.push_back(std::move(*spec));
  }
  return out;
}

template <class T>
void push_elements(Json& out, BytesView data) {
  for (std::size_t at = 0; at + sizeof(T) <= data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof(T));
    out.push_back(value);
  }
}

static_assert(std::endian::native == std::endian::little,
              "tensors are little-endian on the wire and in memory");

}  // namespace

std::string_view name_of(Datatype datatype) { return kDatatypes[static_cast<std::size_t>(datatype)].name; }
std::size_t size_of(Datatype datatype) { return kDatatypes[static_cast<std::size_t>(datatype)].size; }

std::optional<Datatype> datatype_named(std::string_view name) {
  for (std::size_t i = 0; i < kDatatypes.size(); ++i) {
    if (kDatatypes[i].name == name) return static_cast<Datatype>(i);
  }
  return std::nullopt;
}

Result<Signature> read_signature(const Json& model) {
  Signature signature{.name = TRY(get_string(model, "name"))};
  signature.inputs = TRY(read_specs(model, "inputs"));
  if (model.contains("outputs")) signature.outputs = TRY(read_specs(model, "outputs"));
  if (signature.inputs.empty()) return invalid("model: it has no inputs");
  return signature;
}

Json to_json(const TensorSpec& spec) {
  Json out{{"name", spec.name}, {"datatype", name_of(spec.datatype)}, {"shape", spec.shape}};
  if (spec.minimum) out["minimum"] = *spec.minimum;
  if (spec.maximum) out["maximum"] = *spec.maximum;
  return out;
}

std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape, std::uint64_t max) {
  std::uint64_t count = 1;
  for (const std::int64_t extent : shape) {
    if (extent < 0) return std::nullopt;
    if (extent > 0 && count > max / static_cast<std::uint64_t>(extent)) return std::nullopt;
    count *= static_cast<std::uint64_t>(extent);
  }
  return count <= max ? std::optional(count) : std::nullopt;
}

Result<std::vector<std::string_view>> texts_of(const Tensor& tensor) {
  std::vector<std::string_view> out;
  Reader reader(tensor.data);
  while (!reader.done()) out.push_back(as_text(TRY(reader.take(TRY(reader.u32_le())))));
  return out;
}

Result<Json> data_to_json(const Tensor& tensor) {
  Json out = Json::array();
  switch (tensor.datatype) {
    case Datatype::kBool:
      for (const std::uint8_t value : tensor.data) out.push_back(value != 0);
      break;
    case Datatype::kUint8: push_elements<std::uint8_t>(out, tensor.data); break;
    case Datatype::kUint16: push_elements<std::uint16_t>(out, tensor.data); break;
    case Datatype::kUint32: push_elements<std::uint32_t>(out, tensor.data); break;
    case Datatype::kUint64: push_elements<std::uint64_t>(out, tensor.data); break;
    case Datatype::kInt8: push_elements<std::int8_t>(out, tensor.data); break;
    case Datatype::kInt16: push_elements<std::int16_t>(out, tensor.data); break;
    case Datatype::kInt32: push_elements<std::int32_t>(out, tensor.data); break;
    case Datatype::kInt64: push_elements<std::int64_t>(out, tensor.data); break;
    case Datatype::kFp32: push_elements<float>(out, tensor.data); break;
    case Datatype::kFp64: push_elements<double>(out, tensor.data); break;
    case Datatype::kBytes:
      for (const std::string_view text : TRY(texts_of(tensor))) out.push_back(text);
      break;
  }
  return out;
}

}  // namespace sallyport::formats::oip
