#include "learn/network.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "core/limits.h"
#include "formats/safetensors.h"
#include "learn/engine.h"
#include "learn/random.h"

namespace sallyport::learn {
namespace {

Network convolutions() {
  return {.classes = {"no", "yes"},
          .input = {.shape = {1, 4, 4}, .scale = {16}, .range = Range{0, 16}},
          .layers = {{.kind = LayerKind::kConv2d, .in = 1, .out = 2, .kernel = 3, .padding = 1},
                     {.kind = LayerKind::kRelu},
                     {.kind = LayerKind::kMaxPool, .kernel = 2},
                     {.kind = LayerKind::kFlatten},
                     {.kind = LayerKind::kLinear, .in = 8, .out = 2}}};
}

Network perceptron() {
  return {.classes = {"a", "b", "c"},
          .input = {.shape = {5}, .shift = {0, 1, 0, 0, 0}, .scale = {2}},
          .layers = {{.kind = LayerKind::kLinear, .in = 5, .out = 11},
                     {.kind = LayerKind::kRelu},
                     {.kind = LayerKind::kLinear, .in = 11, .out = 3}}};
}

Matrix random_inputs(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  Matrix out(rows, columns);
  Random random(seed);
  for (float& value : out.values()) value = static_cast<float>(random.normal());
  return out;
}

TEST(Network, DescriptionsComeBackAsTheyWent) {
  for (const Network& network : {convolutions(), perceptron()}) {
    const auto back = parse_network(canonical(to_json(network)));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, network);
  }
}

TEST(Network, RefusesWhatDoesNotFit) {
  const auto refused = [](auto change) {
    Json json = to_json(convolutions());
    change(json);
    const auto parsed = parse_network(canonical(json));
    return parsed ? std::string("accepted") : parsed.error().message;
  };
  EXPECT_EQ(refused([](Json&) {}), "accepted");
  EXPECT_EQ(refused([](Json& j) { j["layers"][4]["in"] = 9; }),
            "network: layer 4: linear of 9 inputs does not take [8]");
  EXPECT_EQ(refused([](Json& j) { j["layers"][0]["in"] = 2; }),
            "network: layer 0: conv2d of 2 channels does not take [1,4,4]");
  EXPECT_EQ(refused([](Json& j) { j["layers"][2]["kernel"] = 5; }),
            "network: layer 2: max-pool of 5 does not take [2,4,4]");
  EXPECT_EQ(refused([](Json& j) { j["layers"][1]["type"] = "lambda"; }),
            "network: layer 1: unknown type 'lambda'");
  EXPECT_EQ(refused([](Json& j) {
              j["classes"] = {"no", "yes", "perhaps"};
            }),
            "network: the last layer yields [2] for 3 classes");
  EXPECT_EQ(refused([](Json& j) { j["classes"] = {"no", "no"}; }), "network: a class is named twice");
  for (const char* member : {"format", "classes", "input", "layers"}) {
    EXPECT_NE(refused([&](Json& j) { j.erase(member); }), "accepted") << member;
  }
  EXPECT_NE(refused([](Json& j) { j["code"] = "x"; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["layers"][1]["code"] = "x"; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"]["scale"] = 0; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"]["scale"] = {1, 2}; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"]["scale"] = 1e300; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"]["minimum"] = 16; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"].erase("maximum"); }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["input"]["shape"] = {2, 8}; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["layers"][0]["out"] = -1; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["layers"][0]["out"] = limits::kNetworkFeaturesMax + 1; }), "accepted");
  EXPECT_NE(refused([](Json& j) { j["layers"] = Json::array(); }), "accepted");
  EXPECT_NE(refused([](Json& j) {
              j["layers"] = std::vector<Json>(limits::kNetworkLayersMax + 1, {{"type", "relu"}});
            }),
            "accepted");
}

TEST(Network, ModelsComeBackAndForeignWeightsDoNot) {
  const Model model = initial_model(convolutions(), 3);
  const std::string json = canonical(to_json(model.network));
  const Bytes weights = write_weights(model);
  const auto back = read_model(json, weights);
  ASSERT_TRUE(back) << back.error().message;
  EXPECT_EQ(back->parameters, model.parameters);
  EXPECT_EQ(digest_of(*back), digest_of(model));
  EXPECT_FALSE(read_model(canonical(to_json(perceptron())), weights));
  Model broken = model;
  broken.parameters[0][4] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(read_model(json, write_weights(broken)));
  broken = model;
  broken.parameters[0][4] += 1e-6F;
  EXPECT_NE(digest_of(broken), digest_of(model));
  const auto arrays = *formats::read_safetensors(weights);
  std::vector<formats::Tensor> more = arrays.tensors;
  more.push_back({.name = "extra", .shape = {0}});
  EXPECT_FALSE(read_model(json, *formats::write_safetensors(more)));
  more.resize(3);
  EXPECT_FALSE(read_model(json, *formats::write_safetensors(more)));
}

TEST(Network, InputsAreScaledFeatureByFeature) {
  const Matrix features(1, 5, {2, 3, 4, 0, -2});
  const auto scaled = scaled_inputs(perceptron().input, features);
  ASSERT_TRUE(scaled);
  EXPECT_EQ(std::vector<float>(scaled->values().begin(), scaled->values().end()),
            (std::vector<float>{1, 1, 2, 0, -1}));
  EXPECT_FALSE(scaled_inputs(perceptron().input, Matrix(1, 4)));
  EXPECT_EQ(*scaled_range(convolutions().input, 7), (Range{0, 1}));
  EXPECT_FALSE(scaled_range(perceptron().input, 0));
}

// The convolution, the pooling and the linear layer by their definitions, one output at a time.
TEST(PlainEngine, ForwardFollowsTheDefinitions) {
  const Model model = initial_model(convolutions(), 11);
  const Matrix inputs = random_inputs(1, 16, 4);
  const auto pixel = [&](int y, int x) {
    return y < 0 || x < 0 || y > 3 || x > 3 ? 0.0F : inputs.at(0, static_cast<std::size_t>(y * 4 + x));
  };
  std::vector<double> pooled;
  for (std::size_t o = 0; o < 2; ++o) {
    for (int block = 0; block < 4; ++block) {
      double largest = 0;
      for (int place = 0; place < 4; ++place) {
        const int y = block / 2 * 2 + place / 2;
        const int x = block % 2 * 2 + place % 2;
        double sum = model.parameters[1][o];
        for (int k = 0; k < 9; ++k) {
          sum += static_cast<double>(model.parameters[0][o * 9 + static_cast<std::size_t>(k)]) *
                 static_cast<double>(pixel(y + k / 3 - 1, x + k % 3 - 1));
        }
        largest = std::max(largest, sum);
      }
      pooled.push_back(largest);
    }
  }
  const auto logits = PlainEngine().logits(model, inputs);
  ASSERT_TRUE(logits);
  for (std::size_t c = 0; c < 2; ++c) {
    double sum = model.parameters[3][c];
    for (std::size_t j = 0; j < 8; ++j)
      sum += static_cast<double>(model.parameters[2][c * 8 + j]) * pooled[j];
    EXPECT_NEAR(logits->at(0, c), sum, 1e-5);
  }
}

// Central differences at every parameter and every input. A step as long as `step` may cross a kink of relu
// or pooling, so that the networks and inputs are ones where none lies that near.
void expect_slopes(Model model, Matrix inputs, const std::vector<std::uint32_t>& labels, float step) {
  PlainEngine engine;
  const std::vector<float> weights{1, 0.5F, 2, 0, 1, 1, 3};
  const auto by_parameters = engine.gradient(model, inputs, labels, weights, Want::kParameters);
  const auto by_inputs = engine.gradient(model, inputs, labels, weights, Want::kInputs);
  ASSERT_TRUE(by_parameters && by_inputs);
  const auto loss = [&] { return engine.gradient(model, inputs, labels, weights, Want::kInputs)->loss; };
  const auto slope = [&](float& value) {
    const float kept = value;
    value = kept + step;
    const double above = loss();
    value = kept - step;
    const double below = loss();
    value = kept;
    return (above - below) / (2 * static_cast<double>(step));
  };
  for (std::size_t p = 0; p < model.parameters.size(); ++p) {
    for (std::size_t i = 0; i < model.parameters[p].size(); ++i) {
      EXPECT_NEAR(slope(model.parameters[p][i]), by_parameters->parameters[p][i], 2e-3) << p << " " << i;
    }
  }
  for (std::size_t i = 0; i < inputs.values().size(); ++i) {
    EXPECT_NEAR(slope(inputs.values()[i]), by_inputs->inputs.values()[i], 2e-3) << i;
  }
}

TEST(PlainEngine, GradientsAreThoseOfFiniteDifferences) {
  expect_slopes(initial_model(perceptron(), 5), random_inputs(7, 5, 6), {0, 1, 2, 2, 1, 0, 1}, 1e-2F);
}

TEST(PlainEngine, GradientsOfConvolutionsAreThoseOfFiniteDifferences) {
  expect_slopes(initial_model(convolutions(), 11), random_inputs(7, 16, 4), {0, 1, 1, 0, 1, 0, 1}, 1e-3F);
  const Network deep{
      .classes = {"a", "b"},
      .input = {.shape = {2, 7, 6}},
      .layers = {{.kind = LayerKind::kConv2d, .in = 2, .out = 3, .kernel = 3, .padding = 1},
                 {.kind = LayerKind::kRelu},
                 {.kind = LayerKind::kMaxPool, .kernel = 2},
                 {.kind = LayerKind::kConv2d, .in = 3, .out = 4, .kernel = 2},
                 {.kind = LayerKind::kRelu},
                 {.kind = LayerKind::kFlatten},
                 {.kind = LayerKind::kLinear, .in = 16, .out = 2}}};
  expect_slopes(initial_model(deep, 3), random_inputs(7, 84, 9), {0, 1, 1, 0, 1, 0, 1}, 1e-3F);
}

TEST(PlainEngine, BadBatchesAreErrors) {
  PlainEngine engine;
  const Model model = initial_model(perceptron(), 5);
  const Matrix inputs = random_inputs(2, 5, 6);
  const std::vector<std::uint32_t> unknown{0, 3};
  const std::vector<std::uint32_t> few{0};
  EXPECT_FALSE(engine.gradient(model, inputs, unknown, {}, Want::kParameters));
  EXPECT_FALSE(engine.gradient(model, inputs, few, {}, Want::kParameters));
  EXPECT_FALSE(engine.logits(model, random_inputs(2, 4, 1)));
}

TEST(Network, SoftmaxSumsToOneAndTakesLargeScores) {
  const Matrix probabilities = softmax(Matrix(2, 3, {1000, 1000, -1000, 0, 1, 2}));
  EXPECT_FLOAT_EQ(probabilities.at(0, 0), 0.5F);
  EXPECT_EQ(probabilities.at(0, 2), 0);
  EXPECT_NEAR(probabilities.at(1, 0) + probabilities.at(1, 1) + probabilities.at(1, 2), 1, 1e-6);
  EXPECT_EQ(argmax(probabilities), (std::vector<std::uint32_t>{0, 2}));
}

}  // namespace
}  // namespace sallyport::learn
