// Reading and writing one inference request; see oip.h.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <set>

#include "core/limits.h"
#include "formats/oip.h"

namespace sallyport::formats::oip {
namespace {

// From here on a double no longer tells neighbouring integers apart, and two parsers may read two numbers.
constexpr std::int64_t kExactInDouble = std::int64_t{1} << 53;

// Puts a place in front: "/inputs/0" and "/data/3: too big" become "/inputs/0/data/3: too big".
std::unexpected<Error> at(const std::string& place, Error error) {
  error.message = place + (error.message.starts_with('/') ? "" : ": ") + error.message;
  return std::unexpected<Error>(std::move(error));
}

// get_array by reference: the data of a tensor is too large to copy.
Result<const Json*> array_member(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end()) return invalid("member '" + std::string(name) + "' is missing");
  if (!found->is_array()) {
    return invalid("/" + std::string(name) + ": an array was expected, got " + found->type_name());
  }
  return &*found;
}

struct Range {
  double low;
  double high;
};

Range range_of(const TensorSpec& spec) {
  constexpr double kFloatMax = std::numeric_limits<float>::max();
  constexpr double kDoubleMax = std::numeric_limits<double>::max();
  Range range{-kDoubleMax, kDoubleMax};
  if (spec.datatype == Datatype::kFp32) range = {-kFloatMax, kFloatMax};
  if (spec.minimum) range.low = std::max(range.low, *spec.minimum);
  if (spec.maximum) range.high = std::min(range.high, *spec.maximum);
  return range;
}

Result<void> check_range(double value, const Range& range) {
  if (!std::isfinite(value)) return invalid("not a finite number");
  if (value < range.low) {
    return invalid(Json(value).dump() + " is below the minimum " + Json(range.low).dump());
  }
  if (value > range.high) {
    return invalid(Json(value).dump() + " is above the maximum " + Json(range.high).dump());
  }
  return {};
}

template <class T>
void append_raw(Bytes& out, T value) {
  const std::size_t at = out.size();
  out.resize(at + sizeof(T));
  std::memcpy(out.data() + at, &value, sizeof(T));
}

template <class T>
Result<void> append_integer(Bytes& out, const Json& value, const Range& range) {
  if (!value.is_number_integer()) {
    return invalid(std::string("an integer was expected, got ") + value.type_name());
  }
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<std::uint64_t>())
                                               : std::in_range<T>(value.get<std::int64_t>());
  if (!fits) return invalid(value.dump() + " does not fit the datatype");
  TRY(check_range(value.get<double>(), range));
  append_raw(out, value.get<T>());
  return {};
}

template <class T>
Result<void> append_float(Bytes& out, const Json& value, const Range& range) {
  if (!value.is_number()) return invalid(std::string("a number was expected, got ") + value.type_name());
  if (value.is_number_integer() && std::abs(value.get<double>()) > static_cast<double>(kExactInDouble)) {
    return invalid(value.dump() + " is an integer that a double cannot hold exactly");
  }
  TRY(check_range(value.get<double>(), range));
  append_raw(out, static_cast<T>(value.get<double>()));
  return {};
}

// Whether `text` as a whole is JSON with an object in it, also when it is wrapped in JSON strings once or
// more.
bool is_nested_document(std::string_view text) {
  std::string unwrapped;
  for (int layer = 0; layer <= limits::kJsonDepthMax; ++layer) {
    const std::size_t first = text.find_first_not_of(" \t\r\n\v\f\xEF\xBB\xBF");
    if (first == std::string_view::npos) return false;
    if (text[first] != '{' && text[first] != '[' && text[first] != '"') return false;
    // Deliberately not parse_json: a document with duplicate keys is all the more a document.
    const Json value = Json::parse(text.substr(first), nullptr, false, true);
    if (value.is_discarded()) return false;
    if (value.is_structured()) return text.find('{') != std::string_view::npos;
    if (!value.is_string()) return false;
    unwrapped = value.get<std::string>();
    text = unwrapped;
  }
  return true;
}

bool is_utf8(std::string_view text) {
  // Json's writer is the validator at hand: it throws type_error 316 at the first byte that is not UTF-8.
  try {
    static_cast<void>(Json(text).dump());
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

Result<void> check_text(std::string_view text, const Caps& caps) {
  if (text.size() > caps.text_bytes_max) {
    return fail(ErrorKind::kLimit, "text of " + std::to_string(text.size()) + " bytes, the limit is " +
                                       std::to_string(caps.text_bytes_max));
  }
  if (text.find('\0') != std::string_view::npos) return invalid("text with a NUL, where some readers stop");
  if (caps.nested == NestedJson::kRefuse && is_nested_document(text)) {
    return invalid("text that is itself a JSON document, which no schema has checked");
  }
  return {};
}

Result<void> append_value(Bytes& out, const Json& value, Datatype datatype, const Range& range,
                          const Caps& caps) {
  switch (datatype) {
    case Datatype::kBool:
      if (!value.is_boolean()) {
        return invalid(std::string("true or false was expected, got ") + value.type_name());
      }
      out.push_back(value.get<bool>() ? 1 : 0);
      return {};
    case Datatype::kUint8: return append_integer<std::uint8_t>(out, value, range);
    case Datatype::kUint16: return append_integer<std::uint16_t>(out, value, range);
    case Datatype::kUint32: return append_integer<std::uint32_t>(out, value, range);
    case Datatype::kUint64: return append_integer<std::uint64_t>(out, value, range);
    case Datatype::kInt8: return append_integer<std::int8_t>(out, value, range);
    case Datatype::kInt16: return append_integer<std::int16_t>(out, value, range);
    case Datatype::kInt32: return append_integer<std::int32_t>(out, value, range);
    case Datatype::kInt64: return append_integer<std::int64_t>(out, value, range);
    case Datatype::kFp32: return append_float<float>(out, value, range);
    case Datatype::kFp64: return append_float<double>(out, value, range);
    case Datatype::kBytes: break;
  }
  if (!value.is_string()) return invalid(std::string("text was expected, got ") + value.type_name());
  const std::string& text = value.get_ref<const std::string&>();
  TRY(check_text(text, caps));
  append_le(out, text.size(), 4);
  out.insert(out.end(), text.begin(), text.end());
  return {};
}

template <class T>
Result<void> check_elements(BytesView data, const Range& range) {
  for (std::size_t at = 0; at < data.size(); at += sizeof(T)) {
    T value;
    std::memcpy(&value, data.data() + at, sizeof(T));
    if (auto checked = check_range(static_cast<double>(value), range); !checked) {
      return within("element " + std::to_string(at / sizeof(T)), checked.error());
    }
  }
  return {};
}

Result<void> check_binary(const Tensor& tensor, std::uint64_t count, const Range& range, const Caps& caps) {
  const BytesView data = tensor.data;
  if (tensor.datatype == Datatype::kBytes) {
    const auto texts = texts_of(tensor);
    if (!texts) return invalid("the lengths of its text elements do not add up to its bytes");
    if (texts->size() != count) return invalid(std::to_string(texts->size()) + " elements, the shape needs " +
                                               std::to_string(count));
    for (const std::string_view text : *texts) {
      if (!is_utf8(text)) return invalid("text that is not UTF-8");
      TRY(check_text(text, caps));
    }
    return {};
  }
  if (data.size() != count * size_of(tensor.datatype)) {
    return invalid(std::to_string(data.size()) + " bytes, the shape needs " +
                   std::to_string(count * size_of(tensor.datatype)));
  }
  switch (tensor.datatype) {
    case Datatype::kBool:
      if (std::any_of(data.begin(), data.end(), [](std::uint8_t b) { return b > 1; })) {
        return invalid("a BOOL that is neither 0 nor 1");
      }
      return {};
    case Datatype::kUint8: return check_elements<std::uint8_t>(data, range);
    case Datatype::kUint16: return check_elements<std::uint16_t>(data, range);
    case Datatype::kUint32: return check_elements<std::uint32_t>(data, range);
    case Datatype::kUint64: return check_elements<std::uint64_t>(data, range);
    case Datatype::kInt8: return check_elements<std::int8_t>(data, range);
    case Datatype::kInt16: return check_elements<std::int16_t>(data, range);
    case Datatype::kInt32: return check_elements<std::int32_t>(data, range);
    case Datatype::kInt64: return check_elements<std::int64_t>(data, range);
    case Datatype::kFp32: return check_elements<float>(data, range);
    case Datatype::kFp64: return check_elements<double>(data, range);
    case Datatype::kBytes: break;
  }
  return {};
}

// The leaves of `data`, which is flat or nested as `shape` says. Level by level, so that no depth costs
// stack.
Result<std::vector<const Json*>> leaves_of(const Json& data, const std::vector<std::int64_t>& shape,
                                           std::uint64_t count) {
  std::vector<const Json*> level;
  for (const Json& item : data) level.push_back(&item);
  const bool nested = !level.empty() && level.front()->is_array();
  if (nested && (shape.empty() || level.size() != static_cast<std::uint64_t>(shape.front()))) {
    return invalid(std::to_string(level.size()) + " rows where the shape has another number");
  }
  for (std::size_t depth = 1; nested && depth < shape.size(); ++depth) {
    std::vector<const Json*> next;
    for (const Json* array : level) {
      if (!array->is_array() || array->size() != static_cast<std::uint64_t>(shape[depth])) {
        return invalid("nested otherwise than its shape");
      }
      for (const Json& item : *array) next.push_back(&item);
    }
    level = std::move(next);
  }
  if (level.size() != count) {
    return invalid(std::to_string(level.size()) + " elements, the shape needs " + std::to_string(count));
  }
  return level;
}

Result<std::vector<std::int64_t>> read_shape(const Json& entry, const TensorSpec& spec) {
  std::vector<std::int64_t> shape;
  for (const Json& extent : *TRY(array_member(entry, "shape"))) {
    if (!extent.is_number_integer()) return invalid("shape: integers were expected");
    if (shape.size() == limits::kTensorDimensionsMax) {
      return fail(ErrorKind::kLimit, "shape: over 16 dimensions");
    }
    shape.push_back(extent.get<std::int64_t>());
  }
  bool fits = shape.size() == spec.shape.size();
  for (std::size_t i = 0; fits && i < shape.size(); ++i) {
    fits = shape[i] >= 1 && (spec.shape[i] == -1 || spec.shape[i] == shape[i]);
  }
  if (!fits) return invalid("shape " + Json(shape).dump() + ", the model takes " + Json(spec.shape).dump());
  return shape;
}

// The parameters of a request, a tensor or an output: each has its own closed set of one name.
Result<std::optional<Json>> read_parameter(const Json& owner, std::string_view name) {
  if (!owner.contains("parameters")) return std::optional<Json>{};
  const Json parameters = TRY(get_object(owner, "parameters"));
  if (auto closed = only_members(parameters, {name}); !closed) return at("/parameters", closed.error());
  if (!parameters.contains(name)) return std::optional<Json>{};
  return std::optional<Json>(parameters[name]);
}

Result<bool> read_flag(const Json& owner, std::string_view name) {
  const std::optional<Json> value = TRY(read_parameter(owner, name));
  if (!value) return false;
  if (!value->is_boolean()) {
    return invalid("/parameters/" + std::string(name) + ": true or false was expected");
  }
  return value->get<bool>();
}

Result<std::string> read_name(const Json& entry) {
  const std::string name = TRY(get_string(entry, "name"));
  if (name.empty() || name.size() > limits::kTensorNameBytesMax) {
    return invalid("/name: empty or over 128 bytes");
  }
  return name;
}

const TensorSpec* find_spec(const std::vector<TensorSpec>& specs, std::string_view name) {
  const auto found =
      std::find_if(specs.begin(), specs.end(), [&](const TensorSpec& s) { return s.name == name; });
  return found == specs.end() ? nullptr : &*found;
}

Result<Tensor> read_tensor(const Json& entry, Reader& binary, const Signature& signature, const Caps& caps) {
  TRY(only_members(entry, {"name", "datatype", "shape", "data", "parameters"}));
  Tensor tensor{.name = TRY(read_name(entry))};
  const TensorSpec* spec = find_spec(signature.inputs, tensor.name);
  if (spec == nullptr) return invalid("/name: the model has no input " + shown(tensor.name));
  const std::string datatype = TRY(get_string(entry, "datatype"));
  if (datatype != name_of(spec->datatype)) {
    return invalid("/datatype: " + shown(datatype) + ", the model takes " +
                   std::string(name_of(spec->datatype)));
  }
  tensor.datatype = spec->datatype;
  tensor.shape = TRY(read_shape(entry, *spec));
  const auto count = element_count(tensor.shape, caps.elements_max);
  if (!count) {
    return fail(ErrorKind::kLimit, "/shape: over " + std::to_string(caps.elements_max) + " elements");
  }
  const std::optional<Json> size = TRY(read_parameter(entry, "binary_data_size"));
  if (size.has_value() == entry.contains("data")) {
    return invalid("one of the member 'data' and the parameter 'binary_data_size' was expected");
  }
  const Range range = range_of(*spec);
  if (size) {
    if (!size->is_number_unsigned()) return invalid("/parameters/binary_data_size: a size was expected");
    const auto bytes = binary.take(size->get<std::uint64_t>());
    if (!bytes) return invalid("/parameters/binary_data_size: past the end of the body");
    tensor.data.assign(bytes->begin(), bytes->end());
    TRY(check_binary(tensor, *count, range, caps));
    return tensor;
  }
  auto leaves = leaves_of(*TRY(array_member(entry, "data")), tensor.shape, *count);
  if (!leaves) return at("/data", leaves.error());
  tensor.data.reserve(*count * size_of(tensor.datatype));
  for (std::size_t i = 0; i < leaves->size(); ++i) {
    if (auto added = append_value(tensor.data, *(*leaves)[i], tensor.datatype, range, caps); !added) {
      return at("/data/" + std::to_string(i), added.error());
    }
  }
  return tensor;
}

Result<WantedOutput> read_output(const Json& entry, const Signature& signature) {
  TRY(only_members(entry, {"name", "parameters"}));
  WantedOutput output{.name = TRY(read_name(entry)), .binary = TRY(read_flag(entry, "binary_data"))};
  if (!signature.outputs.empty() && find_spec(signature.outputs, output.name) == nullptr) {
    return invalid("/name: the model has no output " + shown(output.name));
  }
  return output;
}

// An id comes back in the answer and stands in logs: letters, digits and a few marks.
Result<std::string> read_id(const Json& document) {
  if (!document.contains("id")) return std::string();
  std::string id = TRY(get_string(document, "id"));
  const bool plain = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  });
  if (!plain || id.size() > limits::kTensorNameBytesMax) {
    return invalid("/id: up to 128 letters, digits and any of - _ . : were expected");
  }
  return id;
}

template <class T, class Read>
Result<std::vector<T>> read_list(const Json& document, const char* member, Read read) {
  std::vector<T> out;
  std::set<std::string> names;
  const Json& entries = *TRY(array_member(document, member));
  if (entries.size() > limits::kTensorsMax) {
    return fail(ErrorKind::kLimit, "/" + std::string(member) + ": over 64 entries");
  }
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::string place = "/" + std::string(member) + "/" + std::to_string(i);
    Result<T> entry = read(entries[i]);
    if (!entry) return at(place, entry.error());
    if (!names.insert(entry->name).second) {
      return invalid(place + ": " + shown(entry->name) + " stands twice");
    }
    out.push_back(std::move(*entry));
  }
  return out;
}

}  // namespace

Result<Framing> read_framing(std::string_view content_type, BytesView body) {
  constexpr std::string_view kBinary = "application/vnd.sagemaker-triton.binary+json;json-header-size=";
  if (content_type.empty() || content_type == "application/json" ||
      content_type == "application/json; charset=utf-8" || content_type == "application/json;charset=utf-8") {
    return Framing{.json = as_text(body), .binary = {}};
  }
  if (!content_type.starts_with(kBinary)) {
    return fail(ErrorKind::kUnsupported, "content type " + shown(content_type) + " is not application/json");
  }
  const std::string_view digits = content_type.substr(kBinary.size());
  std::uint64_t size = 0;
  for (const char c : digits) {
    if (c < '0' || c > '9' || size > body.size()) {
      return invalid("the JSON header's size is not a number in range");
    }
    size = size * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (digits.empty() || size > body.size()) return invalid("the JSON header is longer than the body");
  return Framing{.json = as_text(body.first(size)), .binary = body.subspan(size)};
}

Result<InferRequest> read_infer(const Json& document, BytesView binary, const Signature& signature,
                                const Caps& caps) {
  TRY(only_members(document, {"id", "inputs", "outputs", "parameters"}));
  InferRequest request{.id = TRY(read_id(document)),
                       .binary_output = TRY(read_flag(document, "binary_data_output"))};
  Reader reader(binary);
  request.inputs = TRY(read_list<Tensor>(
      document, "inputs", [&](const Json& entry) { return read_tensor(entry, reader, signature, caps); }));
  if (!reader.done()) return invalid(std::to_string(reader.remaining()) + " bytes belong to no tensor");
  if (request.inputs.size() != signature.inputs.size()) {
    return invalid("/inputs: " + std::to_string(request.inputs.size()) + " tensors, the model takes " +
                   std::to_string(signature.inputs.size()));
  }
  if (document.contains("outputs")) {
    request.outputs = TRY(read_list<WantedOutput>(
        document, "outputs", [&](const Json& entry) { return read_output(entry, signature); }));
  }
  return request;
}

std::optional<std::size_t> escaped_member_name(std::string_view json) {
  if (json.find('\\') == std::string_view::npos) return std::nullopt;
  for (std::size_t at = json.find('"'); at != std::string_view::npos; at = json.find('"', at)) {
    const std::size_t start = at++;
    bool escaped = false;
    while (at < json.size() && json[at] != '"') {
      escaped = escaped || json[at] == '\\';
      at += json[at] == '\\' ? 2 : 1;
    }
    if (at >= json.size()) return std::nullopt;
    const std::size_t after = json.find_first_not_of(" \t\r\n", ++at);
    if (escaped && after != std::string_view::npos && json[after] == ':') return start;
  }
  return std::nullopt;
}

Result<std::string> write_infer(const InferRequest& request) {
  Json inputs = Json::array();
  for (const Tensor& tensor : request.inputs) {
    inputs.push_back({{"name", tensor.name},
                      {"datatype", name_of(tensor.datatype)},
                      {"shape", tensor.shape},
                      {"data", TRY(data_to_json(tensor))}});
  }
  Json document{{"inputs", std::move(inputs)}};
  if (!request.id.empty()) document["id"] = request.id;
  for (const WantedOutput& output : request.outputs) document["outputs"].push_back({{"name", output.name}});
  return canonical(document);
}

}  // namespace sallyport::formats::oip
