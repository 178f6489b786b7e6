#include "learn/bundle_parts.h"

#include <gtest/gtest.h>

#include "learn/engine.h"

namespace sallyport::learn {
namespace {

// Two classes on a line: above 1 is "high".
Model model() {
  Network network{.classes = {"low", "high"},
                  .input = {.shape = {2}, .shift = {1}, .scale = {2}},
                  .layers = {{.kind = LayerKind::kLinear, .in = 2, .out = 2}}};
  return {.network = network, .parameters = {{0, 0, 8, 0}, {0, 0}}};
}

Dataset rows(std::size_t low, std::size_t high) {
  Dataset out{.columns = {{.name = "x"}, {.name = "y"}, {.name = "id", .numeric = false}},
              .roles = {.id = "id"}};
  for (std::size_t i = 0; i < low + high; ++i) {
    out.columns[0].numbers.push_back(i < low ? -1 - 0.01 * static_cast<double>(i) : 3);
    out.columns[1].numbers.push_back(static_cast<double>(i));
    out.columns[2].texts.push_back(std::to_string(i));
  }
  return out;
}

Preprocessing before() { return {.features = {"x", "y"}, .input = model().network.input, .in_graph = false}; }

Matrix answers(const Golden& golden, const Preprocessing& preprocessing) {
  Model bare = model();
  bare.network.input = {.shape = {2}};
  return softmax(PlainEngine().logits(bare, golden_inputs(golden, preprocessing).value()).value());
}

TEST(BundleParts, AGoldenSampleIsTheMeanOfEnoughRows) {
  const Golden golden = golden_of(model(), rows(12, 7)).value();
  ASSERT_EQ(golden.samples.size(), 3U) << "two halves of six, and one of seven that is not parted";
  EXPECT_EQ(golden.features, (std::vector<std::string>{"x", "y"}));
  EXPECT_EQ(golden.samples[0].label, "low");
  EXPECT_FLOAT_EQ(golden.samples[0].values[0], -1.05F);
  EXPECT_FLOAT_EQ(golden.samples[1].values[1], 6.0F);
  EXPECT_EQ(golden.samples[2].label, "high");
  EXPECT_FLOAT_EQ(golden.samples[2].values[1], 15.0F);
  EXPECT_EQ(golden_of(model(), rows(12, kGoldenRowsMin - 1)).value().samples.size(), 2U)
      << "four rows are no crowd";
}

TEST(BundleParts, TheSamplesSeeALabelMapAndAPreprocessingThatChanged) {
  const Golden golden = golden_of(model(), rows(12, 12)).value();
  const std::vector<std::string> labels{"low", "high"};
  EXPECT_TRUE(golden_differences(golden, labels, answers(golden, before())).empty());
  EXPECT_EQ(golden_differences(golden, {"high", "low"}, answers(golden, before())).size(), 4U);
  EXPECT_EQ(golden_differences(golden, {"low"}, answers(golden, before())).size(), 4U);
  Preprocessing turned = before();
  std::swap(turned.features[0], turned.features[1]);
  EXPECT_FALSE(golden_differences(golden, labels, answers(golden, turned)).empty());
  Preprocessing moved = before();
  moved.input.shift = {1.5F};
  const auto found = golden_differences(golden, labels, answers(golden, moved));
  ASSERT_FALSE(found.empty());
  EXPECT_NE(found.front().find("differs in a probability"), std::string::npos) << found.front();
  moved.features.push_back("z");
  EXPECT_FALSE(golden_inputs(golden, moved));
}

TEST(BundleParts, WhatIsWrittenIsReadAgainAndTheReadersAreClosed) {
  Preprocessing said = before();
  said.input.range = Range{0, 16};
  EXPECT_EQ(parse_preprocessing(to_json(said).dump()).value(), said);
  const Golden golden = golden_of(model(), rows(12, 12)).value();
  EXPECT_EQ(to_json(parse_golden(to_json(golden).dump()).value()), to_json(golden));
  EXPECT_EQ(parse_labels(R"({"labels": ["a", "b"]})").value(), (std::vector<std::string>{"a", "b"}));
  for (const char* bad : {R"({"labels": ["a", "a"]})", R"({"labels": []})", R"({"labels": [1]})",
                          R"({"labels": ["a"], "more": 1})", "[]", ""}) {
    EXPECT_FALSE(parse_labels(bad)) << bad;
  }
  for (const auto& [member, value] : std::vector<std::pair<std::string, Json>>{{"scale", {0}},
                                                                               {"scale", {1, 2, 3}},
                                                                               {"shape", {3}},
                                                                               {"shape", {0.5}},
                                                                               {"applied", "later"},
                                                                               {"features", {"x", "x"}},
                                                                               {"shift", {1e300}},
                                                                               {"extra", 1}}) {
    Json changed = to_json(said);
    changed[member] = value;
    EXPECT_FALSE(parse_preprocessing(changed.dump())) << changed;
  }
  Json changed = to_json(golden);
  changed["samples"][0]["values"].push_back(1);
  EXPECT_FALSE(parse_golden(changed.dump()));
}

}  // namespace
}  // namespace sallyport::learn
