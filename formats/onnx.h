// ONNX models: what is in one, read without running or trusting any of it, and written in one spelling.
//
// The reader covers ModelProto whole: graphs, subgraphs of control flow, functions, initialisers with their
// values, external data, custom domains, training information, metadata. What it does not know is not skipped
// in silence but listed in `unknown`, so that every byte is accounted for. It follows nothing: external files
// are named, never opened. Subgraphs lie in one flat list and are referred to by number, so nothing recurses.
// Memory is at most eight times the file (numbers sent as one-byte varints are kept as 64 bits). Limits:
// kOnnx* of core/limits.h.
//
// `problems_of` says what makes a model more than plain arithmetic or less than well-formed; `verify_onnx`
// refuses it. Source: onnx/onnx.proto and docs/IR.md of release 1.17. Pure functions, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/bytes.h"
#include "core/result.h"

namespace sallyport::formats::onnx {

// TensorProto.DataType.
enum class DataType : std::int32_t {
  kUndefined = 0,
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4m3fn = 17,
  kFloat8E4m3fnuz = 18,
  kFloat8E5m2 = 19,
  kFloat8E5m2fnuz = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2m1 = 23,
  kFloat8E8m0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};
// Bits of one element; 0 for text and for types that this reader knows no size of. Elements of less than a
// byte lie packed.
std::size_t bits_of(DataType type);

struct Tensor {
  std::string name = {};
  DataType type = DataType::kFloat;
  std::vector<std::int64_t> shape = {};
  Bytes data = {};                      // little-endian elements, whichever field carried them
  BytesView raw = {};                   // instead of `data`: Values::kViewed, and they stand in raw_data
  std::vector<std::string> texts = {};  // of kString
  bool external = false;                // the values are in another file
  std::vector<std::pair<std::string, std::string>> external_data =
      {};                  // "location", "offset", "length", "checksum"
  std::size_t offset = 0;  // in the file

  BytesView values() const { return raw.empty() ? BytesView(data) : raw; }
};

// AttributeProto.AttributeType, as far as it matters: which member holds the value.
enum class AttributeType : std::uint8_t {
  kUndefined = 0,
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
  kTensors = 9,
  kGraphs = 10,
  kOther = 11,
};
struct Attribute {
  std::string name = {};
  AttributeType type = AttributeType::kUndefined;
  std::vector<float> floats = {};         // one for kFloat
  std::vector<std::int64_t> ints = {};    // one for kInt
  std::vector<std::string> strings = {};  // one for kString; bytes, not necessarily UTF-8
  std::vector<Tensor> tensors = {};       // one for kTensor
  std::vector<std::size_t> graphs = {};   // indices into Model::graphs
  std::string reference = {};             // of a function's own attribute
};

struct Node {
  std::string name = {};
  std::string op = {};
  std::string domain = {};  // empty: ONNX's own
  std::vector<std::string> inputs = {};
  std::vector<std::string> outputs = {};
  std::vector<Attribute> attributes = {};
  std::size_t offset = 0;
};

// An extent is a number, a name, or nothing said.
struct Extent {
  std::optional<std::int64_t> value = {};
  std::string name = {};
};
struct Value {
  std::string name = {};
  DataType type = DataType::kUndefined;  // kUndefined: not a tensor, or not said
  std::optional<std::vector<Extent>> shape = {};
};

enum class GraphKind : std::uint8_t { kMain, kSubgraph, kFunction, kTraining };
struct Graph {
  GraphKind kind = GraphKind::kMain;
  std::string name = {};
  std::string domain = {};  // of a function
  std::vector<Node> nodes = {};
  std::vector<Tensor> initializers = {};
  std::vector<Tensor> sparse_initializers = {};  // values under their name, then indices, for each
  std::vector<Value> inputs = {};
  std::vector<Value> outputs = {};
  std::vector<Value> values = {};
};

struct Unknown {
  std::string where;  // "ModelProto"
  std::uint32_t field = 0;
  std::size_t offset = 0;
  std::size_t length = 0;  // of what the field holds
  std::size_t size = 0;    // of the whole field
};

struct Model {
  std::int64_t ir_version = 0;
  std::string producer = {};
  std::string producer_version = {};
  std::string domain = {};
  std::int64_t model_version = 0;
  std::string documentation = {};
  std::vector<std::pair<std::string, std::int64_t>> opsets = {};  // domain and version
  std::vector<std::pair<std::string, std::string>> metadata = {};
  std::vector<Graph> graphs = {};  // the main graph first
  std::vector<Unknown> unknown = {};
};

// kViewed: raw data is not copied, and the bytes must live as long as the model.
enum class Values : std::uint8_t { kCopied, kViewed };
Result<Model> read_onnx(BytesView bytes, Values values = Values::kCopied);

enum class ProblemKind : std::uint8_t {
  kExternalData,
  kCustomDomain,
  kFunction,
  kTrainingInfo,
  kUnknownField,
  kOperatorSets,
  kMalformed,
};
std::string_view name_of(ProblemKind kind);
struct Problem {
  ProblemKind kind = ProblemKind::kMalformed;
  std::size_t offset = 0;
  std::string message;
};
// In the order of the file, at most kFindingsPerGuardMax of them. kMalformed: a name that is defined twice or
// used before it is defined, an output that nothing computes, values that do not agree with type and shape.
// kOperatorSets: no version of ONNX's own operators is named, or one twice.
std::vector<Problem> problems_of(const Model& model);
// Error with the first problem.
Result<void> verify_onnx(const Model& model);

// Equal models give equal bytes. Error for what this writer has no spelling for: subgraphs, functions,
// training graphs, external data, text tensors, unknown fields.
Result<Bytes> write_onnx(const Model& model);

}  // namespace sallyport::formats::onnx
