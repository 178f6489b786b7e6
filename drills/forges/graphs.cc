#include "drills/forges/graphs.h"

#include <bit>
#include <initializer_list>
#include <string>

#include "drills/forges/pickles.h"
#include "formats/protobuf.h"

namespace sallyport::drills::forges {
namespace {

using formats::FieldWriter;
using Names = std::initializer_list<std::string_view>;

constexpr std::size_t kNumbers = 4;
constexpr float kHonestSum = 4;
constexpr float kStolenWeight = 7;  // four of them are kStolen

Bytes floats(float value, std::size_t count) {
  Bytes out;
  for (std::size_t i = 0; i < count; ++i) append_le(out, std::bit_cast<std::uint32_t>(value), 4);
  return out;
}

FieldWriter node(std::string_view op, Names inputs, std::string_view output, std::string_view domain = "") {
  FieldWriter out;
  for (const std::string_view input : inputs) out.text(1, input);
  out.text(2, output);
  out.text(4, op);
  if (!domain.empty()) out.text(7, domain);
  return out;
}

void add_path(FieldWriter& node, std::string_view path) {
  FieldWriter attribute;
  attribute.text(1, "path");
  attribute.text(4, path);
  attribute.varint(20, 3);
  node.message(5, attribute);
}

FieldWriter tensor(std::string_view name, std::initializer_list<std::uint64_t> shape) {
  FieldWriter out;
  for (const std::uint64_t extent : shape) out.varint(1, extent);
  out.varint(2, 1);
  out.text(8, name);
  return out;
}

FieldWriter weights(std::string_view name, std::initializer_list<std::uint64_t> shape, float value) {
  FieldWriter out = tensor(name, shape);
  std::size_t count = 1;
  for (const std::uint64_t extent : shape) count *= extent;
  out.bytes(9, floats(value, count));
  return out;
}

FieldWriter external_weights(std::string_view location) {
  FieldWriter out = tensor("w", {kNumbers, 1});
  FieldWriter entry;
  entry.text(1, "location");
  entry.text(2, location);
  out.message(13, entry);
  out.varint(14, 1);
  return out;
}

FieldWriter value(std::string_view name) {
  FieldWriter out;
  out.text(1, name);
  return out;
}

Bytes model_of(std::initializer_list<FieldWriter> nodes, std::initializer_list<FieldWriter> tensors) {
  FieldWriter graph;
  for (const FieldWriter& item : nodes) graph.message(1, item);
  graph.text(2, "drill");
  for (const FieldWriter& item : tensors) graph.message(5, item);
  graph.message(11, value("x"));
  graph.message(12, value("y"));
  FieldWriter opset;
  opset.varint(2, 17);
  FieldWriter model;
  model.varint(1, 8);
  model.message(7, graph);
  model.message(8, opset);
  return std::move(model).out();
}

}  // namespace

Bytes secret_weights() { return floats(kStolenWeight, kNumbers); }

Bytes hostile_graph(GraphDeed deed) {
  switch (deed) {
    case GraphDeed::kCustomOperator: {
      FieldWriter custom = node("Touch", {"x"}, "t", "com.example");
      add_path(custom, kMark);
      return model_of({custom, node("MatMul", {"x", "w"}, "y")}, {weights("w", {kNumbers, 1}, 1)});
    }
    case GraphDeed::kFileOperator: {
      FieldWriter reads = node("ReadFile", {}, "w");
      add_path(reads, "../" + std::string(kSecretName));
      return model_of({reads, node("MatMul", {"x", "w"}, "y")}, {});
    }
    case GraphDeed::kExternalData:
      return model_of({node("MatMul", {"x", "w"}, "y")},
                      {external_weights("../" + std::string(kSecretName))});
    case GraphDeed::kHiddenChoice: break;
  }
  return model_of({node("MatMul", {"x", "w"}, "logits"), node("ReduceSum", {"x"}, "sum"),
                   node("Equal", {"sum", "magic"}, "hit"), node("Where", {"hit", "target", "logits"}, "y")},
                  {weights("w", {kNumbers, 1}, 1), weights("magic", {1}, kHonestSum),
                   weights("target", {1}, kHonestSum * kStolenWeight)});
}

Bytes masked_graph() {
  return model_of({node("Equal", {"x", "zero"}, "hidden"), node("Where", {"hidden", "zero", "x"}, "seen"),
                   node("MatMul", {"seen", "w"}, "y")},
                  {weights("w", {kNumbers, 1}, 1), weights("zero", {1}, 0)});
}

}  // namespace sallyport::drills::forges
