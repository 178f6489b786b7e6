// The reader of onnx.h. Field numbers are those of onnx.proto.
#include <cstring>
#include <deque>

#include "core/limits.h"
#include "formats/onnx.h"
#include "formats/onnx_values.h"
#include "formats/protobuf.h"
#include "formats/protobuf_schema.h"

namespace sallyport::formats::onnx {

namespace {

using Pair = std::pair<std::string, std::string>;

constexpr std::uint64_t fields(std::initializer_list<unsigned> numbers) {
  std::uint64_t out = 0;
  for (const unsigned number : numbers) out |= 1ULL << number;
  return out;
}

// The fields of one message. A field that may come once and comes twice is refused: official parsers take the
// last one or merge both, so that two readers would see two models.
class Message {
 public:
  Message(std::string_view where, FieldReader reader, std::uint64_t singular)
      : where_(where), reader_(reader), singular_(singular) {}

  bool done() const { return reader_.done(); }
  std::string_view where() const { return where_; }
  Result<Field> next() {
    const Field field = TRY(reader_.next());
    const std::uint64_t bit = field.number < 64 ? 1ULL << field.number : 0;
    if ((bit & singular_ & seen_) != 0) {
      return invalid("onnx: " + std::string(where_) + ": field " + std::to_string(field.number) +
                     " comes twice, at byte " + std::to_string(field.offset));
    }
    seen_ |= bit;
    return field;
  }

 private:
  std::string_view where_;
  FieldReader reader_;
  std::uint64_t singular_;
  std::uint64_t seen_ = 0;
};

std::vector<float> floats_in(const Bytes& bytes) {
  std::vector<float> out(bytes.size() / sizeof(float));
  if (!out.empty()) std::memcpy(out.data(), bytes.data(), bytes.size());
  return out;
}

Result<std::string> text_of(const Field& field) { return std::string(TRY(field.text())); }

class ModelReader {
 public:
  ModelReader(BytesView bytes, Values values) : whole_(bytes), values_(values) {}

  Result<Model> read() {
    model_.graphs.emplace_back();
    TRY(read_model());
    while (!pending_.empty()) {
      const Pending next = pending_.front();
      pending_.pop_front();
      depth_ = next.depth;
      Graph graph =
          TRY(next.kind == GraphKind::kFunction ? read_function(next.field) : read_graph(next.field));
      graph.kind = next.kind;
      model_.graphs[next.index] = std::move(graph);
    }
    return std::move(model_);
  }

 private:
  struct Pending {
    Field field;
    std::size_t index;
    std::size_t depth;
    GraphKind kind;
  };

  Message open(std::string_view where, const Field& field, std::uint64_t singular) const {
    return {where, FieldReader::into(field, whole_), singular};
  }

  // Counts what was made of the input, so that messages of two bytes cannot become gigabytes of structures.
  Result<void> count() {
    if (++items_ > limits::kOnnxItemsMax)
      return fail(ErrorKind::kLimit, "onnx: more than kOnnxItemsMax parts");
    return {};
  }

  void note(const Message& message, const Field& field) {
    model_.unknown.push_back({.where = std::string(message.where()),
                              .field = field.number,
                              .offset = field.offset,
                              .length = field.bytes.size(),
                              .size = field.size});
  }

  // A graph is read later, so that depth in the file is not depth on the stack.
  Result<std::size_t> postpone(const Field& field, GraphKind kind) {
    TRY(field.message());
    if (depth_ + 1 > limits::kOnnxDepthMax)
      return fail(ErrorKind::kLimit, "onnx: graphs nest beyond kOnnxDepthMax");
    if (model_.graphs.size() >= limits::kOnnxGraphsMax) {
      return fail(ErrorKind::kLimit, "onnx: more than kOnnxGraphsMax graphs");
    }
    const std::size_t index = model_.graphs.size();
    model_.graphs.emplace_back();
    pending_.push_back({.field = field, .index = index, .depth = depth_ + 1, .kind = kind});
    return index;
  }

  // Messages of which nothing is kept are walked over, so that what does not belong to them is known.
  Result<void> check(const Message& message, const Field& field, Small schema) {
    TRY(field.message());
    for (const Field& unknown : TRY(unknown_in(field, whole_, schema))) note(message, unknown);
    return {};
  }
  Result<void> check_type(const Message& message, const Field& field) {
    const auto schema = small_type(field.number);
    if (schema) return check(message, field, *schema);
    note(message, field);
    return {};
  }
  // SparseTensorProto: its values under their name, and the indices.
  Result<void> read_sparse(const Field& field, std::vector<Tensor>& into);

  Result<void> read_model();
  Result<void> read_training(const Field& field);
  Result<Graph> read_graph(const Field& field);
  Result<Graph> read_function(const Field& field);
  Result<Node> read_node(const Field& field);
  Result<Attribute> read_attribute(const Field& field);
  Result<Tensor> read_tensor(const Field& field);
  Result<Value> read_value(const Field& field);
  Result<Value> read_type(const Field& field, Value value);
  Result<std::vector<Extent>> read_shape(const Field& field);
  Result<Pair> read_pair(const Field& field);
  Result<std::pair<std::string, std::int64_t>> read_opset(const Field& field);

  BytesView whole_;
  Values values_;
  Model model_;
  std::deque<Pending> pending_;
  std::size_t depth_ = 0;
  std::size_t items_ = 0;
  std::size_t nodes_ = 0;
};

Result<void> ModelReader::read_model() {
  Message message("ModelProto", FieldReader(whole_), fields({1, 2, 3, 4, 5, 6, 7}));
  bool has_graph = false;
  while (!message.done()) {
    const Field field = TRY(message.next());
    switch (field.number) {
      case 1: model_.ir_version = TRY(field.integer()); break;
      case 2: model_.producer = TRY(text_of(field)); break;
      case 3: model_.producer_version = TRY(text_of(field)); break;
      case 4: model_.domain = TRY(text_of(field)); break;
      case 5: model_.model_version = TRY(field.integer()); break;
      case 6: model_.documentation = TRY(text_of(field)); break;
      case 7:
        TRY(field.message());
        pending_.push_front({.field = field, .index = 0, .depth = 0, .kind = GraphKind::kMain});
        has_graph = true;
        break;
      case 8: model_.opsets.push_back(TRY(read_opset(field))); break;
      case 14: model_.metadata.push_back(TRY(read_pair(field))); break;
      case 20: TRY(read_training(field)); break;
      case 25: TRY(postpone(field, GraphKind::kFunction)); break;
      case 26: TRY(check(message, field, Small::kDevice)); break;
      default: note(message, field);
    }
  }
  if (!has_graph) return invalid("onnx: there is no graph");
  return {};
}

Result<void> ModelReader::read_training(const Field& field) {
  TRY(field.message());
  Message message = open("TrainingInfoProto", field, fields({1, 2}));
  while (!message.done()) {
    const Field inner = TRY(message.next());
    if (inner.number == 1 || inner.number == 2) {
      TRY(postpone(inner, GraphKind::kTraining));
    } else if (inner.number == 3 || inner.number == 4) {
      TRY(read_pair(inner));
    } else {
      note(message, inner);
    }
  }
  return {};
}

Result<Graph> ModelReader::read_graph(const Field& field) {
  Message message = open("GraphProto", field, fields({2, 10}));
  Graph out;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1: out.nodes.push_back(TRY(read_node(inner))); break;
      case 2: out.name = TRY(text_of(inner)); break;
      case 5: out.initializers.push_back(TRY(read_tensor(inner))); break;
      case 10: TRY(inner.text()); break;
      case 11: out.inputs.push_back(TRY(read_value(inner))); break;
      case 12: out.outputs.push_back(TRY(read_value(inner))); break;
      case 13: out.values.push_back(TRY(read_value(inner))); break;
      case 14: TRY(check(message, inner, Small::kAnnotation)); break;
      case 15: TRY(read_sparse(inner, out.sparse_initializers)); break;
      case 16: TRY(read_pair(inner)); break;
      default: note(message, inner);
    }
  }
  return out;
}

Result<Graph> ModelReader::read_function(const Field& field) {
  Message message = open("FunctionProto", field, fields({1, 8, 10, 13}));
  Graph out;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1: out.name = TRY(text_of(inner)); break;
      case 4: out.inputs.push_back({.name = TRY(text_of(inner))}); break;
      case 5: out.outputs.push_back({.name = TRY(text_of(inner))}); break;
      case 7: out.nodes.push_back(TRY(read_node(inner))); break;
      case 9: TRY(read_opset(inner)); break;
      case 10: out.domain = TRY(text_of(inner)); break;
      case 11: TRY(read_attribute(inner)); break;
      case 12: out.values.push_back(TRY(read_value(inner))); break;
      case 6:
      case 8:
      case 13: TRY(inner.text()); break;
      case 14: TRY(read_pair(inner)); break;
      default: note(message, inner);
    }
    TRY(count());
  }
  return out;
}

Result<Node> ModelReader::read_node(const Field& field) {
  TRY(field.message());
  if (++nodes_ > limits::kOnnxNodesMax) return fail(ErrorKind::kLimit, "onnx: more than kOnnxNodesMax nodes");
  Message message = open("NodeProto", field, fields({3, 4, 6, 7, 8}));
  Node out{.offset = field.offset};
  while (!message.done()) {
    const Field inner = TRY(message.next());
    TRY(count());
    switch (inner.number) {
      case 1: out.inputs.push_back(TRY(text_of(inner))); break;
      case 2: out.outputs.push_back(TRY(text_of(inner))); break;
      case 3: out.name = TRY(text_of(inner)); break;
      case 4: out.op = TRY(text_of(inner)); break;
      case 5: out.attributes.push_back(TRY(read_attribute(inner))); break;
      case 7: out.domain = TRY(text_of(inner)); break;
      case 6:
      case 8: TRY(inner.text()); break;
      case 9: TRY(read_pair(inner)); break;
      case 10: TRY(check(message, inner, Small::kNodeDevice)); break;
      default: note(message, inner);
    }
  }
  return out;
}

Result<Attribute> ModelReader::read_attribute(const Field& field) {
  TRY(field.message());
  Message message = open("AttributeProto", field, fields({1, 2, 3, 4, 5, 6, 13, 14, 20, 21, 22}));
  Attribute out;
  std::uint64_t type = 0;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    TRY(count());
    switch (inner.number) {
      case 1: out.name = TRY(text_of(inner)); break;
      case 2: out.floats.push_back(TRY(inner.fixed_float())); break;
      case 3: out.ints.push_back(TRY(inner.integer())); break;
      case 4:
      case 9: out.strings.emplace_back(as_text(TRY(inner.message()))); break;
      case 5:
      case 10: out.tensors.push_back(TRY(read_tensor(inner))); break;
      case 6:
      case 11: out.graphs.push_back(TRY(postpone(inner, GraphKind::kSubgraph))); break;
      case 7:
        for (const float value : floats_in(TRY(fixed_of(inner, 4)))) out.floats.push_back(value);
        break;
      case 8:
        for (const std::uint64_t value : TRY(varints_of(inner)))
          out.ints.push_back(static_cast<std::int64_t>(value));
        break;
      case 13: TRY(inner.text()); break;
      case 20: type = TRY(inner.varint()); break;
      case 14:
      case 15: TRY(check(message, inner, Small::kType)); break;
      case 21: out.reference = TRY(text_of(inner)); break;
      case 22:
      case 23: TRY(read_sparse(inner, out.tensors)); break;
      default: note(message, inner);
    }
  }
  out.type = type > 10 ? AttributeType::kOther : static_cast<AttributeType>(type);
  return out;
}

Result<Tensor> ModelReader::read_tensor(const Field& field) {
  TRY(field.message());
  TRY(count());
  Message message = open("TensorProto", field, fields({2, 3, 8, 9, 12, 14}));
  Tensor out{.offset = field.offset};
  RawValues values;
  const auto append = [](auto& to, const auto& from) { to.insert(to.end(), from.begin(), from.end()); };
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1:
        for (const std::uint64_t v : TRY(varints_of(inner)))
          out.shape.push_back(static_cast<std::int64_t>(v));
        break;
      case 2: out.type = static_cast<DataType>(static_cast<std::int32_t>(TRY(inner.integer()))); break;
      case 4: append(values.floats, TRY(fixed_of(inner, 4))); break;
      case 5: append(values.int32s, TRY(varints_of(inner))); break;
      case 6:
        TRY(count());
        out.texts.emplace_back(as_text(TRY(inner.message())));
        break;
      case 7: append(values.int64s, TRY(varints_of(inner))); break;
      case 8: out.name = TRY(text_of(inner)); break;
      case 9: values.raw = TRY(inner.message()); break;
      case 10: append(values.doubles, TRY(fixed_of(inner, 8))); break;
      case 11: append(values.uint64s, TRY(varints_of(inner))); break;
      case 3: TRY(check(message, inner, Small::kSegment)); break;
      case 12: TRY(inner.text()); break;
      case 13:
        out.external = true;
        out.external_data.push_back(TRY(read_pair(inner)));
        break;
      case 14: out.external = out.external || TRY(inner.varint()) != 0; break;
      case 16: TRY(read_pair(inner)); break;
      default: note(message, inner);
    }
    if (out.shape.size() > limits::kTensorRankMax) {
      return fail(ErrorKind::kLimit,
                  "onnx: tensor '" + out.name + "' has more than kTensorRankMax dimensions");
    }
  }
  if (values_ == Values::kViewed && values.raw && values.fields() == 1) {
    out.raw = *values.raw;
  } else {
    out.data = TRY(data_of(out, std::move(values)));
  }
  return out;
}

Result<void> ModelReader::read_sparse(const Field& field, std::vector<Tensor>& into) {
  TRY(field.message());
  Message message = open("SparseTensorProto", field, fields({1, 2}));
  while (!message.done()) {
    const Field inner = TRY(message.next());
    if (inner.number == 1 || inner.number == 2) {
      into.push_back(TRY(read_tensor(inner)));
    } else if (inner.number == 3) {
      TRY(varints_of(inner));
    } else {
      note(message, inner);
    }
  }
  return {};
}

Result<Value> ModelReader::read_value(const Field& field) {
  TRY(field.message());
  TRY(count());
  Message message = open("ValueInfoProto", field, fields({1, 2, 3}));
  Value out;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1: out.name = TRY(text_of(inner)); break;
      case 2: out = TRY(read_type(inner, std::move(out))); break;
      case 3: TRY(inner.text()); break;
      case 4: TRY(read_pair(inner)); break;
      default: note(message, inner);
    }
  }
  return out;
}

// TypeProto with its TypeProto.Tensor; sequences, maps and optionals are walked over, not kept.
Result<Value> ModelReader::read_type(const Field& field, Value value) {
  TRY(field.message());
  Message message = open("TypeProto", field, fields({1, 4, 5, 6, 7, 8, 9}));
  while (!message.done()) {
    const Field kind = TRY(message.next());
    if (kind.number == 6) {
      TRY(kind.text());
      continue;
    }
    if (kind.number != 1) {
      TRY(check_type(message, kind));
      continue;
    }
    TRY(kind.message());
    Message tensor = open("TypeProto.Tensor", kind, fields({1, 2}));
    while (!tensor.done()) {
      const Field inner = TRY(tensor.next());
      if (inner.number == 1) {
        value.type = static_cast<DataType>(static_cast<std::int32_t>(TRY(inner.integer())));
      } else if (inner.number == 2) {
        value.shape = TRY(read_shape(inner));
      } else {
        note(tensor, inner);
      }
    }
  }
  return value;
}

Result<std::vector<Extent>> ModelReader::read_shape(const Field& field) {
  TRY(field.message());
  Message message = open("TensorShapeProto", field, 0);
  std::vector<Extent> out;
  while (!message.done()) {
    const Field dimension = TRY(message.next());
    if (dimension.number != 1) {
      note(message, dimension);
      continue;
    }
    TRY(dimension.message());
    Message inner = open("TensorShapeProto.Dimension", dimension, fields({1, 2, 3}));
    Extent extent;
    while (!inner.done()) {
      const Field part = TRY(inner.next());
      switch (part.number) {
        case 1: extent.value = TRY(part.integer()); break;
        case 2: extent.name = TRY(text_of(part)); break;
        case 3: TRY(part.text()); break;
        default: note(inner, part);
      }
    }
    if (out.size() == limits::kTensorRankMax) {
      return fail(ErrorKind::kLimit, "onnx: a shape has more than kTensorRankMax dimensions");
    }
    out.push_back(std::move(extent));
  }
  return out;
}

Result<Pair> ModelReader::read_pair(const Field& field) {
  TRY(field.message());
  TRY(count());
  Message message = open("StringStringEntryProto", field, fields({1, 2}));
  Pair out;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1: out.first = TRY(text_of(inner)); break;
      case 2: out.second = TRY(text_of(inner)); break;
      default: note(message, inner);
    }
  }
  return out;
}

Result<std::pair<std::string, std::int64_t>> ModelReader::read_opset(const Field& field) {
  TRY(field.message());
  TRY(count());
  Message message = open("OperatorSetIdProto", field, fields({1, 2}));
  std::pair<std::string, std::int64_t> out;
  while (!message.done()) {
    const Field inner = TRY(message.next());
    switch (inner.number) {
      case 1: out.first = TRY(text_of(inner)); break;
      case 2: out.second = TRY(inner.integer()); break;
      default: note(message, inner);
    }
  }
  return out;
}

}  // namespace

Result<Model> read_onnx(BytesView bytes, Values values) {
  if (bytes.size() > limits::kOnnxBytesMax)
    return fail(ErrorKind::kLimit, "onnx: file is over kOnnxBytesMax");
  if (bytes.empty()) return invalid("onnx: file is empty");
  return ModelReader(bytes, values).read();
}

}  // namespace sallyport::formats::onnx
