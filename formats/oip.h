// The Open Inference Protocol v2 (KServe, Triton): what a model takes and gives, and one inference request.
//
// A request is JSON, or JSON followed by raw tensors (the "binary tensor data" extension). Reading is closed:
// a member, a parameter, a datatype, a shape or a value that the model's metadata does not allow is an Error
// that opens with the place in the document, a JSON pointer. What is returned holds typed little-endian
// tensors, so that nobody behind this reader looks at the client's bytes again; write_infer gives a request
// its one spelling. Limits: Caps, and limits::kTensors* of core/limits.h. Pure functions, safe from any
// thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/bytes.h"
#include "core/json.h"
#include "core/result.h"

namespace sallyport::formats::oip {

// FP16 and BF16 have no JSON form and no model of ours takes them; they are unknown here.
enum class Datatype : std::uint8_t {
  kBool, kUint8, kUint16, kUint32, kUint64, kInt8, kInt16, kInt32, kInt64, kFp32, kFp64, kBytes,
};
std::string_view name_of(Datatype datatype);
std::optional<Datatype> datatype_named(std::string_view name);
// Bytes of one element; 0 for kBytes, whose elements are a 32-bit length and that many bytes.
std::size_t size_of(Datatype datatype);

// A dimension of -1 takes any extent from 1 on. Absent bounds are those of the datatype.
struct TensorSpec {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape = {};
  std::optional<double> minimum = {};
  std::optional<double> maximum = {};
};
struct Signature {
  std::string name;
  std::vector<TensorSpec> inputs = {};
  std::vector<TensorSpec> outputs = {};
};
// The model's metadata: {"name", "inputs": [{"name", "datatype", "shape", ...}], "outputs": [...]}; other
// members are the model's own business, and "outputs" may be absent.
Result<Signature> read_signature(const Json& model);
Json to_json(const TensorSpec& spec);

struct Tensor {
  std::string name;
  Datatype datatype = Datatype::kFp32;
  std::vector<std::int64_t> shape = {};
  Bytes data = {};  // row-major, little-endian; kBytes: length and bytes of each element
};
struct WantedOutput {
  std::string name;
  bool binary = false;
};
struct InferRequest {
  std::string id = {};
  std::vector<Tensor> inputs = {};
  std::vector<WantedOutput> outputs = {};  // empty: all of the model's
  bool binary_output = false;              // for outputs that are not named
};

enum class NestedJson : std::uint8_t { kRefuse, kAllow };
struct Caps {
  std::uint64_t elements_max = 1 << 20;    // of one tensor
  std::uint64_t text_bytes_max = 1 << 20;  // of one element of datatype BYTES
  // A text element that is itself a JSON object or array is read a second time by whoever unwraps it, behind
  // the schema's back; only a model that takes such documents allows it.
  NestedJson nested = NestedJson::kRefuse;
};

// How a body is divided. Content types: none, application/json, and for the binary extension the spelling
// application/vnd.sagemaker-triton.binary+json;json-header-size=N, whose first N bytes are JSON.
struct Framing {
  std::string_view json;
  BytesView binary;
};
Result<Framing> read_framing(std::string_view content_type, BytesView body);

// `document` is framing.json as parse_json read it.
Result<InferRequest> read_infer(const Json& document, BytesView binary, const Signature& signature,
                                const Caps& caps);

// Where a member name is spelled with escapes, which hide it from a filter that compares bytes. `json` is
// valid JSON.
std::optional<std::size_t> escaped_member_name(std::string_view json);

// The request in its one spelling: flat JSON data, sorted members, no blanks.
Result<std::string> write_infer(const InferRequest& request);

// The elements as a flat JSON array of numbers, booleans or text.
Result<Json> data_to_json(const Tensor& tensor);
// The elements of a kBytes tensor, as views into it.
Result<std::vector<std::string_view>> texts_of(const Tensor& tensor);
// Product of the extents; nothing for a negative extent or a product over `max`.
std::optional<std::uint64_t> element_count(const std::vector<std::int64_t>& shape, std::uint64_t max);

}  // namespace sallyport::formats::oip
