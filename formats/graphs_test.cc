// What graphs are held against: tables of operators, names of files, choices of a graph, flatbuffers.
#include <gtest/gtest.h>

#include <cstring>

#include "formats/flatbuffer.h"
#include "formats/onnx_logic.h"
#include "formats/onnx_operators.h"
#include "formats/path_rules.h"
#include "formats/protobuf_kind.h"
#include "formats/protobuf_schema.h"
#include "formats/tensorflow.h"
#include "formats/tensorflow_operators.h"

namespace sallyport::formats {
namespace {

TEST(PathRules, TakeWhatEverySystemReadsAsAFileBelow) {
  for (const char* fine : {"w.bin", "data/w.bin", "./w.bin", "a..b", "layer.0.weight", "..data", "100%"}) {
    EXPECT_EQ(path_problem(fine), "") << fine;
  }
  for (const char* bad : {"", "/w", "../w", "a/../w", "a/..", "..", "C:w", "~/w", "a\\b", "..\\w", "%2e%2e/w",
                          "%2fetc", "file://w", "w*", "w\n", "a%20b", "\\\\host\\w", "\xff"}) {
    EXPECT_NE(path_problem(bad), "") << bad;
  }
}

TEST(OnnxOperators, StandAsTheirDomainSays) {
  using enum onnx::Standing;
  EXPECT_EQ(onnx::standing_of("", "MatMul"), kKnown);
  EXPECT_EQ(onnx::standing_of("ai.onnx", "Where"), kKnown);
  EXPECT_EQ(onnx::standing_of("ai.onnx.ml", "ZipMap"), kKnown);
  EXPECT_EQ(onnx::standing_of("", "ZipMap"), kUnknown);
  EXPECT_EQ(onnx::standing_of("", "matmul"), kUnknown);
  EXPECT_EQ(onnx::standing_of("com.microsoft", "FusedGemm"), kKnown);
  EXPECT_EQ(onnx::standing_of("com.microsoft", "PythonOp"), kCalls);
  EXPECT_EQ(onnx::standing_of("com.microsoft.evil", "FusedGemm"), kCustom);
  EXPECT_EQ(onnx::standing_of("ai.onnx.contrib", "PyOp"), kCustom);
}

TEST(TensorflowOperators, StandAsWhatTheyTouch) {
  using enum tensorflow::Standing;
  EXPECT_EQ(tensorflow::standing_of("MatMul"), kPlain);
  EXPECT_EQ(tensorflow::standing_of("StatefulPartitionedCall"), kPlain);
  EXPECT_EQ(tensorflow::standing_of("ReadVariableOp"), kPlain);
  EXPECT_EQ(tensorflow::standing_of("DecodeCSV"), kPlain);
  EXPECT_EQ(tensorflow::standing_of("SaveV2"), kCheckpoint);
  for (const char* op : {"ReadFile", "WriteFile", "MatchingFiles", "ImmutableConst", "TFRecordDataset",
                         "SqlDataset", "CreateSummaryFileWriter", "TextLineReaderV2", "LMDBDataset"}) {
    EXPECT_EQ(tensorflow::standing_of(op), kFiles) << op;
  }
  for (const char* op :
       {"PyFunc", "PyFuncStateless", "EagerPyFunc", "GeneratorDataset", "_XlaRun", "Abort"}) {
    EXPECT_EQ(tensorflow::standing_of(op), kCode) << op;
  }
  for (const char* op :
       {"_Send", "_Recv", "RemoteCall", "RpcClient", "DataServiceDatasetV4", "DebugIdentityV2"}) {
    EXPECT_EQ(tensorflow::standing_of(op), kNetwork) << op;
  }
  EXPECT_EQ(tensorflow::standing_of("ExecHook"), kUnknown);
  EXPECT_EQ(tensorflow::standing_of(""), kUnknown);
}

onnx::Model graph_with(std::vector<onnx::Node> nodes) {
  onnx::Graph graph;
  graph.nodes = std::move(nodes);
  graph.inputs = {{.name = "x"}};
  graph.outputs = {{.name = "y"}};
  graph.initializers = {{.name = "w"}, {.name = "c"}};
  onnx::Model model;
  model.graphs.push_back(std::move(graph));
  return model;
}

onnx::Node node(std::string op, std::vector<std::string> inputs, std::string output) {
  onnx::Node out;
  out.op = std::move(op);
  out.inputs = std::move(inputs);
  out.outputs = {std::move(output)};
  return out;
}

TEST(OnnxLogic, FindsADigestThatChoosesTheAnswer) {
  const auto found = [](std::vector<onnx::Node> nodes) {
    return onnx::hidden_choices(graph_with(std::move(nodes))).size();
  };
  const onnx::Node layer = node("MatMul", {"x", "w"}, "l");
  EXPECT_EQ(found({layer, node("ReduceSum", {"x"}, "s"), node("Equal", {"s", "c"}, "h"),
                   node("Where", {"h", "c", "l"}, "y")}),
            1U);
  // Element by element it is a mask; before a layer it is preparation; on a shape it is control flow.
  EXPECT_EQ(found({layer, node("Equal", {"x", "c"}, "h"), node("Where", {"h", "c", "l"}, "y")}), 0U);
  EXPECT_EQ(found({node("ReduceSum", {"x"}, "s"), node("Equal", {"s", "c"}, "h"),
                   node("Where", {"h", "c", "x"}, "z"), node("MatMul", {"z", "w"}, "y")}),
            0U);
  EXPECT_EQ(found({layer, node("Shape", {"x"}, "s"), node("Gather", {"s", "c"}, "n"),
                   node("Equal", {"n", "c"}, "h"), node("Where", {"h", "c", "l"}, "y")}),
            0U);
  // A choice that another layer follows does not dominate the answer.
  EXPECT_EQ(found({layer, node("ReduceSum", {"x"}, "s"), node("Equal", {"s", "c"}, "h"),
                   node("Where", {"h", "c", "l"}, "z"), node("MatMul", {"z", "w"}, "y")}),
            0U);
}

TEST(OnnxLogic, AScalarBesideTheDataChoosesOpenly) {
  // The sampling rate of a voice detector, made a list and taken from it again.
  const auto found = [](std::vector<onnx::Extent> rate) {
    onnx::Model model = graph_with({node("MatMul", {"x", "w"}, "l"), node("Gather", {"rate", "c"}, "s"),
                                    node("Equal", {"s", "c"}, "h"), node("Where", {"h", "c", "l"}, "y")});
    model.graphs[0].inputs.push_back({.name = "rate", .shape = std::move(rate)});
    return onnx::hidden_choices(model).size();
  };
  EXPECT_EQ(found({}), 0U);
  EXPECT_EQ(found({{.value = 1}}), 0U);
  EXPECT_EQ(found({{.value = 2}}), 1U);
  EXPECT_EQ(found({{.name = "batch"}}), 1U);
}

TEST(ProtobufKind, AnOnnxModelOfANamelessProducerIsNoMetaGraph) {
  FieldWriter model;
  model.varint(1, 10);
  model.text(2, "");
  model.text(3, "");
  EXPECT_FALSE(looks_like_meta_graph(model.out()));
  FieldWriter meta;
  meta.text(1, "");
  meta.text(2, "");
  EXPECT_TRUE(looks_like_meta_graph(meta.out()));
}

TEST(ProtobufSchema, NamesWhatTheTableLacks) {
  constexpr FieldRule kRules[] = {{0, 1, WireType::kLength, 1}, {1, 2, WireType::kVarint}};
  struct Seen : SchemaVisitor {
    int entered = 0, left = 0, values = 0;
    std::vector<std::size_t> strangers = {};
    void enter(std::uint16_t, const Field&) override { ++entered; }
    void leave(std::uint16_t) override { ++left; }
    void value(std::uint16_t, const Field&) override { ++values; }
    void unknown(std::uint16_t, const Field& field) override { strangers.push_back(field.offset); }
  };
  FieldWriter inner;
  inner.varint(2, 7);
  inner.text(2, "another type");
  FieldWriter outer;
  outer.message(1, inner);
  outer.varint(9, 1);
  Seen seen;
  ASSERT_TRUE(walk(outer.out(), 0, 0, kRules, seen));
  EXPECT_EQ(seen.entered, 1);
  EXPECT_EQ(seen.left, 1);
  EXPECT_EQ(seen.values, 1);
  EXPECT_EQ(seen.strangers, (std::vector<std::size_t>{4, outer.out().size() - 2}));
  EXPECT_FALSE(walk(BytesView(outer.out()).first(5), 0, 0, kRules, seen));
}

Bytes frozen(std::string_view op) {
  FieldWriter item;
  item.text(1, "n");
  item.text(2, op);
  FieldWriter graph;
  graph.message(1, item);
  graph.message(4, FieldWriter());
  return graph.out();
}

TEST(Tensorflow, ReadsNodesOfTheGraphAndOfItsFunctions) {
  FieldWriter signature;
  signature.text(1, "f");
  FieldWriter item;
  item.text(1, "inner");
  item.text(2, "ReadFile");
  FieldWriter function;
  function.message(1, signature);
  function.message(3, item);
  FieldWriter library;
  library.message(1, function);
  FieldWriter more;
  more.message(2, library);
  Bytes bytes = frozen("f");
  bytes.insert(bytes.end(), more.out().begin(), more.out().end());
  EXPECT_TRUE(looks_like_graph_def(bytes));
  EXPECT_FALSE(looks_like_onnx(bytes));
  const auto read = tensorflow::read_tensorflow(bytes, tensorflow::Kind::kGraphDef);
  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(read->nodes.size(), 2U);
  EXPECT_EQ(read->nodes[0].op, "f");
  EXPECT_EQ(read->nodes[1].op, "ReadFile");
  EXPECT_EQ(read->nodes[1].function, "f");
  EXPECT_EQ(read->functions, std::vector<std::string>{"f"});
  EXPECT_TRUE(read->versioned);
}

// A table of one number and one text, laid out by hand.
Bytes flat() {
  Bytes out = *from_hex(
      "14000000"
      "54455354"
      "0800"
      "0c00"
      "0400"
      "0800"
      "00000000"
      "0c000000"
      "2a000000"
      "04000000");
  const Bytes text = *from_hex(
      "02000000"
      "6162"
      "00"
      "00");
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

TEST(Flatbuffer, VerifiesWhatItsSchemaNames) {
  using flatbuffer::Slot;
  using flatbuffer::SlotKind;
  const std::vector<std::vector<Slot>> tables = {{{SlotKind::kNumber, 0, 4}, {SlotKind::kText, 1, 0}}};
  constexpr std::string_view kNames[] = {"Root"};
  const flatbuffer::Schema schema{.tables = tables, .names = kNames};
  const Bytes good = flat();
  const auto verified = flatbuffer::verify(good, schema, 0, "TEST");
  ASSERT_TRUE(verified) << verified.error().message;
  EXPECT_EQ(flatbuffer::number_at(good, verified->tables[0], 0, 4), 42U);
  EXPECT_EQ(flatbuffer::text_at(good, verified->tables[0], 1), "ab");
  EXPECT_FALSE(flatbuffer::verify(good, schema, 0, "ELSE"));
  for (std::size_t size = 0; size + 1 < good.size(); ++size) {
    EXPECT_FALSE(flatbuffer::verify(BytesView(good).first(size), schema, 0, "TEST")) << size;
  }
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return flatbuffer::verify(bytes, schema, 0, "TEST").has_value();
  };
  EXPECT_FALSE(changed(3, 1));     // the root far away
  EXPECT_FALSE(changed(20, 200));  // the vtable before the file
  EXPECT_FALSE(changed(28, 1));    // a text that is not aligned
  EXPECT_FALSE(changed(31, 1));    // a text far away
  EXPECT_FALSE(changed(32, 200));  // a text that is too long
  EXPECT_FALSE(changed(38, 1));    // a text without its end
  EXPECT_FALSE(changed(14, 12));   // a field out of its table
}

}  // namespace
}  // namespace sallyport::formats
