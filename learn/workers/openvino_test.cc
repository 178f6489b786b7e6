// sallyport-openvino as a process: what it computes, and how it ends.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmath>
#include <cstring>

#include "formats/onnx.h"
#include "learn/engine.h"
#include "learn/examples.h"
#include "learn/export.h"
#include "learn/random.h"
#include "learn/worker.h"
#include "learn/workers/testing.h"

namespace sallyport::learn::workers {
namespace {

constexpr int kTimeoutMs = 30'000;

Model sample_model() {
  const Network network{.classes = {"0", "1", "2"},
                        .input = {.shape = {1, 8, 8}, .scale = {16}, .range = Range{0, 16}},
                        .layers = {{.kind = LayerKind::kConv2d, .in = 1, .out = 4, .kernel = 3, .padding = 1},
                                   {.kind = LayerKind::kRelu},
                                   {.kind = LayerKind::kMaxPool, .kernel = 2},
                                   {.kind = LayerKind::kFlatten},
                                   {.kind = LayerKind::kLinear, .in = 64, .out = 3}}};
  return initial_model(network, 5);
}

Matrix sample_features(std::size_t rows) {
  Matrix out(rows, 64);
  Random random(9);
  for (float& value : out.values()) value = static_cast<float>(random.below(17));
  return out;
}

worker::Tensor input_of(const Matrix& features) {
  const std::span<const float> values = features.values();
  return {
      .name = "input",
      .shape = {static_cast<std::int64_t>(features.rows()), static_cast<std::int64_t>(features.columns())},
      .bytes = {reinterpret_cast<const std::uint8_t*>(values.data()), values.size_bytes()}};
}

Result<worker::Frame> ask(const RunningWorker& running, const Json& header, BytesView payload) {
  TRY(worker::write_frame(running.socket(), header, payload, kTimeoutMs));
  worker::Frame reply = TRY(worker::read_frame(running.socket(), kTimeoutMs));
  TRY(worker::error_of(reply.header));
  return reply;
}

Result<worker::Frame> infer(const RunningWorker& running, const Matrix& features) {
  const std::vector<worker::Tensor> inputs{input_of(features)};
  const worker::Frame request = worker::tensor_frame("infer", "inputs", inputs);
  return ask(running, request.header, request.payload);
}

std::vector<float> floats_of(const worker::Tensor& tensor) {
  std::vector<float> out(tensor.bytes.size() / sizeof(float));
  std::memcpy(out.data(), tensor.bytes.data(), tensor.bytes.size());
  return out;
}

TEST(OpenVinoWorker, ComputesWhatTheReferenceComputes) {
  const Model model = sample_model();
  RunningWorker running("openvino");
  const auto loaded = ask(running, worker::load_request(), *export_onnx(model));
  ASSERT_TRUE(loaded) << loaded.error().message;
  const auto spec = worker::parse_model_spec(loaded->header);
  ASSERT_TRUE(spec) << spec.error().message;
  EXPECT_EQ(spec->inputs[0].shape, (std::vector<std::int64_t>{-1, 64}));
  ASSERT_EQ(spec->outputs.size(), 2U);
  EXPECT_EQ(spec->outputs[0].name, "logits");
  EXPECT_EQ(spec->outputs[1].name, "probabilities");
  for (const std::size_t rows : {1U, 17U}) {
    const Matrix features = sample_features(rows);
    const auto reply = infer(running, features);
    ASSERT_TRUE(reply) << reply.error().message;
    const auto outputs = *worker::tensors_in(*reply, "outputs");
    const Matrix expected = *PlainEngine().logits(model, *scaled_inputs(model.network.input, features));
    const std::vector<float> logits = floats_of(outputs[0]);
    const std::vector<float> probabilities = floats_of(outputs[1]);
    ASSERT_EQ(logits.size(), rows * 3);
    const Matrix chances = softmax(expected);
    for (std::size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(logits[i], expected.values()[i], 1e-4);
      EXPECT_NEAR(probabilities[i], chances.values()[i], 1e-4);
    }
  }
  ASSERT_TRUE(ask(running, {{"op", "shutdown"}}, {}));
  EXPECT_EQ(running.wait(), 0);
}

TEST(OpenVinoWorker, AnswersBadRequestsAndGoesOn) {
  const Model model = sample_model();
  const Bytes onnx = *export_onnx(model);
  RunningWorker running("openvino");
  EXPECT_EQ(infer(running, sample_features(1)).error().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(ask(running, worker::load_request(), BytesView(onnx).first(onnx.size() / 2)));
  EXPECT_FALSE(ask(running, {{"op", "load"}}, onnx));
  EXPECT_FALSE(ask(running, {{"op", "exec"}}, {}));
  EXPECT_FALSE(ask(running, Json::object(), {}));
  ASSERT_TRUE(ask(running, worker::load_request(), onnx));
  EXPECT_FALSE(infer(running, Matrix(1, 63)));
  EXPECT_FALSE(infer(running, Matrix(0, 64)));
  Json wrong_type = worker::tensor_frame("infer", "inputs", std::vector{input_of(sample_features(1))}).header;
  wrong_type["inputs"][0]["datatype"] = "INT32";
  EXPECT_FALSE(ask(running, wrong_type, Bytes(256)));
  wrong_type["inputs"][0]["name"] = "other";
  EXPECT_FALSE(ask(running, wrong_type, Bytes(256)));
  EXPECT_TRUE(infer(running, sample_features(2)));
}

TEST(OpenVinoWorker, TakesNoModelThatReachesOutOfItself) {
  formats::onnx::Model model = *formats::onnx::read_onnx(*export_onnx(sample_model()));
  model.graphs[0].nodes[0].domain = "com.example";
  RunningWorker running("openvino");
  const auto refused = ask(running, worker::load_request(), *formats::onnx::write_onnx(model));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("custom domain"), std::string::npos);
}

TEST(OpenVinoWorker, EndsWithItsHostAndOnAFrameThatIsNone) {
  RunningWorker orderly("openvino");
  ::shutdown(orderly.socket(), SHUT_WR);
  EXPECT_EQ(orderly.wait(), 0);
  RunningWorker confused("openvino");
  const Bytes noise(12, 0xff);
  ASSERT_EQ(::write(confused.socket(), noise.data(), noise.size()), 12);
  EXPECT_EQ(confused.wait(), 2);
}

}  // namespace
}  // namespace sallyport::learn::workers
