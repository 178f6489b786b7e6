#include "formats/onnx.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>

#include "core/limits.h"
#include "formats/protobuf.h"

namespace sallyport::formats::onnx {
namespace {

Attribute number(const std::string& name, std::int64_t value) {
  return {.name = name, .type = AttributeType::kInt, .ints = {value}};
}

Value vector_of(const std::string& name) {
  return {.name = name, .type = DataType::kFloat, .shape = {{Extent{.name = "batch"}, Extent{.value = 2}}}};
}

Model sample() {
  Bytes weight;
  for (const float value : {1.0F, 2.0F, 3.0F, 4.0F})
    append_le(weight, std::bit_cast<std::uint32_t>(value), 4);
  const Graph graph{
      .name = "g",
      .nodes = {{.name = "first", .op = "MatMul", .inputs = {"x", "w"}, .outputs = {"h"}},
                {.op = "Softmax", .inputs = {"h"}, .outputs = {"y"}, .attributes = {number("axis", -1)}}},
      .initializers = {{.name = "w", .shape = {2, 2}, .data = weight}},
      .inputs = {vector_of("x")},
      .outputs = {vector_of("y")}};
  return {
      .ir_version = 8, .producer = "test", .opsets = {{"", 17}}, .metadata = {{"k", "v"}}, .graphs = {graph}};
}

std::vector<ProblemKind> kinds_of(const Model& model) {
  std::vector<ProblemKind> out;
  for (const Problem& problem : problems_of(model)) out.push_back(problem.kind);
  return out;
}

// The bytes of a model whose graph holds these fields beside a version of the operators.
Bytes model_with(const FieldWriter& graph) {
  FieldWriter opset;
  opset.integer(2, 17);
  FieldWriter model;
  model.integer(1, 8);
  model.message(7, graph);
  model.message(8, opset);
  return model.out();
}

TEST(Onnx, ReadsWhatItWrote) {
  const Bytes bytes = *write_onnx(sample());
  const auto model = read_onnx(bytes);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_TRUE(problems_of(*model).empty());
  EXPECT_TRUE(verify_onnx(*model));
  ASSERT_EQ(model->graphs.size(), 1U);
  const Graph& graph = model->graphs[0];
  EXPECT_EQ(graph.nodes[1].attributes[0].ints, std::vector<std::int64_t>{-1});
  EXPECT_EQ(graph.initializers[0].data, sample().graphs[0].initializers[0].data);
  EXPECT_EQ(graph.inputs[0].shape->at(0).name, "batch");
  EXPECT_EQ(graph.inputs[0].shape->at(1).value, 2);
  EXPECT_EQ(model->metadata[0].second, "v");
  EXPECT_EQ(*write_onnx(*model), bytes);
}

TEST(Onnx, AttributesComeBackAsTheyWent) {
  Model model = sample();
  model.graphs[0].nodes[0].attributes = {
      {.name = "alpha", .type = AttributeType::kFloat, .floats = {0.5F}},
      {.name = "mode", .type = AttributeType::kString, .strings = {"linear"}},
      {.name = "pads", .type = AttributeType::kInts, .ints = {1, -2, 3}},
      {.name = "scales", .type = AttributeType::kFloats, .floats = {1, -2.5F, 1e-20F}},
      {.name = "names", .type = AttributeType::kStrings, .strings = {"a", ""}},
      {.name = "value",
       .type = AttributeType::kTensor,
       .tensors = {{.type = DataType::kUint8, .shape = {2}, .data = {7, 9}}}}};
  const auto back = read_onnx(*write_onnx(model));
  ASSERT_TRUE(back) << back.error().message;
  const std::vector<Attribute>& attributes = back->graphs[0].nodes[0].attributes;
  ASSERT_EQ(attributes.size(), 6U);
  EXPECT_EQ(attributes[0].floats, std::vector<float>{0.5F});
  EXPECT_EQ(attributes[2].ints, (std::vector<std::int64_t>{1, -2, 3}));
  EXPECT_EQ(attributes[3].floats, (std::vector<float>{1, -2.5F, 1e-20F}));
  EXPECT_EQ(attributes[4].strings, (std::vector<std::string>{"a", ""}));
  EXPECT_EQ(attributes[5].tensors[0].data, (Bytes{7, 9}));
  model.graphs[0].nodes[0].attributes = {{.name = "empty", .type = AttributeType::kFloat}};
  EXPECT_FALSE(write_onnx(model));
}

TEST(Onnx, ReportsWhatIsMoreThanArithmetic) {
  Model model = sample();
  model.graphs[0].nodes[0].domain = "com.example";
  EXPECT_EQ(kinds_of(model), std::vector{ProblemKind::kCustomDomain});
  model = sample();
  model.opsets.emplace_back("com.example", 1);
  EXPECT_EQ(kinds_of(model), std::vector{ProblemKind::kCustomDomain});
  model = sample();
  model.graphs[0].initializers[0].external = true;
  model.graphs[0].initializers[0].external_data = {{"location", "../../etc/shadow"}};
  ASSERT_EQ(kinds_of(model), std::vector{ProblemKind::kExternalData});
  EXPECT_EQ(problems_of(model)[0].message, "tensor 'w' takes its values from the file '../../etc/shadow'");
  EXPECT_EQ(verify_onnx(model).error().kind, ErrorKind::kUnsupported);
  EXPECT_FALSE(write_onnx(model));
}

TEST(Onnx, ReportsWhatIsNotWellFormed) {
  const auto malformed = [](auto change) {
    Model model = sample();
    change(model.graphs[0], model);
    return kinds_of(model) == std::vector{ProblemKind::kMalformed};
  };
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.nodes[0].inputs[0] = "nowhere"; }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.nodes[0].inputs[0] = "y"; }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.outputs.push_back({.name = "z"}); }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.nodes[0].outputs.push_back("y"); }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.initializers.push_back(g.initializers[0]); }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.initializers[0].data.pop_back(); }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.initializers[0].shape = {-2, -2}; }));
  EXPECT_TRUE(malformed([](Graph& g, Model&) { g.initializers[0].shape = {1LL << 40, 1LL << 40}; }));
  Model none = sample();
  none.opsets.clear();
  EXPECT_EQ(kinds_of(none), std::vector{ProblemKind::kOperatorSets});
  Model twice = sample();
  twice.opsets.push_back(twice.opsets[0]);
  EXPECT_EQ(kinds_of(twice), std::vector{ProblemKind::kOperatorSets});
  EXPECT_FALSE(verify_onnx(twice));
}

TEST(Onnx, RawValuesAreViewedWhereTheyLie) {
  const Bytes bytes = *write_onnx(sample());
  const auto model = read_onnx(bytes, Values::kViewed);
  ASSERT_TRUE(model) << model.error().message;
  const Tensor& weight = model->graphs[0].initializers[0];
  EXPECT_TRUE(weight.data.empty());
  EXPECT_GE(weight.values().data(), bytes.data());
  EXPECT_EQ(Bytes(weight.values().begin(), weight.values().end()), sample().graphs[0].initializers[0].data);
  EXPECT_TRUE(problems_of(*model).empty());
}

// A sequence of maps is what a classifier of scikit-learn gives; a field that its schema lacks is named.
TEST(Onnx, TypesThatAreNotTensorsAreWalkedOver) {
  const auto unknown_with = [](bool stray) {
    FieldWriter map;
    map.integer(1, 7);
    if (stray) map.text(9, "stray");
    FieldWriter map_type;
    map_type.message(5, map);
    FieldWriter sequence;
    sequence.message(1, map_type);
    FieldWriter type;
    type.message(4, sequence);
    FieldWriter value;
    value.text(1, "out");
    value.message(2, type);
    FieldWriter graph;
    graph.message(11, value);
    return read_onnx(model_with(graph))->unknown;
  };
  EXPECT_TRUE(unknown_with(false).empty());
  ASSERT_EQ(unknown_with(true).size(), 1U);
  EXPECT_EQ(unknown_with(true)[0].field, 9U);
}

TEST(Onnx, ValuesHaveOneSpellingWhicheverFieldCarriesThem) {
  const auto data_of = [](std::int64_t type, auto write) -> Result<Bytes> {
    FieldWriter tensor;
    write(tensor);
    tensor.integer(2, type);  // behind the values, as a parser must be ready for
    tensor.text(8, "t");
    FieldWriter graph;
    graph.message(5, tensor);
    const auto model = read_onnx(model_with(graph));
    if (!model) return std::unexpected(model.error());
    return model->graphs[0].initializers[0].data;
  };
  const Bytes packed_floats = *from_hex("0000803f00000040");
  EXPECT_EQ(*data_of(1, [&](FieldWriter& t) { t.bytes(4, packed_floats); }), packed_floats);
  EXPECT_EQ(*data_of(1,
                     [](FieldWriter& t) {
                       t.fixed_float(4, 1);
                       t.fixed_float(4, 2);
                     }),
            packed_floats);
  EXPECT_EQ(to_hex(*data_of(3, [](FieldWriter& t) { t.integer(5, -2); })), "fe");
  EXPECT_EQ(to_hex(*data_of(7, [](FieldWriter& t) { t.bytes(7, *from_hex("0102")); })),
            "01000000000000000200000000000000");
  EXPECT_EQ(to_hex(*data_of(12, [](FieldWriter& t) { t.varint(11, 7); })), "07000000");
  EXPECT_FALSE(data_of(7, [&](FieldWriter& t) { t.bytes(4, packed_floats); }));
  EXPECT_FALSE(data_of(1, [&](FieldWriter& t) {
    t.bytes(4, packed_floats);
    t.bytes(9, packed_floats);
  }));
  EXPECT_FALSE(data_of(1, [](FieldWriter& t) { t.bytes(4, *from_hex("000000")); }));
}

TEST(Onnx, OneFileIsOneModel) {
  const Bytes bytes = *write_onnx(sample());
  Bytes twice = bytes;
  twice.insert(twice.end(), bytes.begin(), bytes.end());
  EXPECT_FALSE(read_onnx(twice));  // protobuf's own parsers would merge the two
  EXPECT_FALSE(read_onnx({}));
  FieldWriter other;
  other.text(99, "hidden");
  Bytes hidden = bytes;
  hidden.insert(hidden.end(), other.out().begin(), other.out().end());
  const auto model = read_onnx(hidden);
  ASSERT_TRUE(model);
  ASSERT_EQ(kinds_of(*model), std::vector{ProblemKind::kUnknownField});
  EXPECT_EQ(model->unknown[0].length, 6U);
  EXPECT_EQ(model->unknown[0].offset, bytes.size());
}

TEST(Onnx, DepthAndNumbersAreLimited) {
  FieldWriter graph;
  for (std::size_t depth = 0; depth <= limits::kOnnxDepthMax; ++depth) {
    FieldWriter attribute;
    attribute.message(6, graph);
    FieldWriter node;
    node.message(5, attribute);
    graph = {};
    graph.message(1, node);
  }
  EXPECT_EQ(read_onnx(model_with(graph)).error().kind, ErrorKind::kLimit);
  FieldWriter wide;
  for (std::size_t i = 0; i <= limits::kOnnxNodesMax; ++i) wide.text(1, "");
  EXPECT_EQ(read_onnx(model_with(wide)).error().kind, ErrorKind::kLimit);
}

TEST(Onnx, TruncationsAndByteChangesEnd) {
  const Bytes bytes = *write_onnx(sample());
  std::size_t read = 0;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    if (const auto model = read_onnx(BytesView(bytes).first(size))) {
      ++read;
      EXPECT_TRUE(!write_onnx(*model) || *write_onnx(*model) != bytes);
    }
  }
  EXPECT_LT(read, 20U);  // only cuts between the fields of the outermost message
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int value = 0; value < 256; ++value) {
      Bytes changed = bytes;
      changed[i] = static_cast<std::uint8_t>(value);
      if (const auto model = read_onnx(changed)) problems_of(*model);
    }
  }
}

}  // namespace
}  // namespace sallyport::formats::onnx
