#include "formats/keras.h"

#include <gtest/gtest.h>

namespace sallyport::formats::keras {
namespace {

std::string rules(const std::string& text) {
  const Result<Json> json = parse_json(text);
  if (!json) return json.error().message;
  std::string out;
  for (const Concern& concern : judge(*json)) out += concern.rule + " ";
  return out;
}

std::string node(const std::string& module, const std::string& name, const std::string& config = "{}") {
  return R"({"module":")" + module + R"(","class_name":")" + name + R"(","config":)" + config +
         R"(,"registered_name":null})";
}

TEST(KerasConfig, OwnClassesAndFunctionsAreSilent) {
  EXPECT_EQ(rules(node("keras.layers", "Dense", R"({"units":2,"activation":"relu"})")), "");
  EXPECT_EQ(rules(node("keras.src.models.functional", "Functional")), "");
  EXPECT_EQ(rules(node("keras.src.ops.numpy", "Add")), "");
  EXPECT_EQ(rules(node("keras.src.backend.torch.optimizers.torch_adamw", "AdamW")), "");
  EXPECT_EQ(rules(node("builtins", "function", R"("relu")")), "");
  EXPECT_EQ(rules(R"({"class_name":"Sequential","config":[{"class_name":"LSTM","config":{}}]})"), "");
  EXPECT_EQ(rules(node("keras.layers", "StringLookup", R"({"vocabulary":["a","b"]})")), "");
  EXPECT_EQ(rules(node("keras_hub.src.models.gemma.gemma_backbone", "GemmaBackbone")), "");
  EXPECT_EQ(rules(R"({"class_name":"TFOpLambda","config":{"function":"math.multiply"}})"), "");
  const std::string relu = node("builtins", "function", R"("relu")");
  EXPECT_EQ(rules(node("keras.layers", "Lambda", R"({"function":)" + relu + "}")), "");
}

TEST(KerasConfig, BytecodeIsFoundInBothEditions) {
  EXPECT_EQ(rules(node("keras.layers", "Lambda",
                       R"({"function":{"class_name":"__lambda__","config":{"code":"4wEA"}}})")),
            "keras-lambda ");
  EXPECT_EQ(rules(R"({"class_name":"Lambda","config":{"function":["4wEA",null,null]}})"), "keras-lambda ");
  EXPECT_EQ(rules(R"({"a":[{"class_name":"__lambda__","config":{"value":"4wEA"}}]})"), "keras-lambda ");
}

TEST(KerasConfig, WhatIsImportedFromElsewhereIsFound) {
  EXPECT_EQ(rules(node("os", "function", R"("system")")), "keras-imports-module ");
  EXPECT_EQ(rules(node("builtins", "exec")), "keras-imports-module ");
  EXPECT_EQ(rules(node("subprocess", "Popen")), "keras-imports-module ");
  EXPECT_EQ(rules(node("my.package", "Thing")), "keras-custom-object ");
  EXPECT_EQ(rules(node("keras.config", "function", R"("enable_unsafe_deserialization")")),
            "keras-unlisted-name ");
  EXPECT_EQ(rules(node("keras.utils", "function", R"("get_file")")), "keras-unlisted-name ");
  EXPECT_EQ(rules(node("keras.models", "function", R"("load_model")")), "keras-unlisted-name ");
  EXPECT_EQ(rules(node("keras.src.backend.common", "Dense")), "keras-unlisted-name ");
  EXPECT_EQ(rules(node("kerasx.layers", "Dense")), "keras-custom-object ");
  EXPECT_EQ(rules(R"({"class_name":"Mine","config":{}})"), "keras-custom-object ");
  EXPECT_EQ(rules(R"({"class_name":"Custom>Mine","config":{}})"), "keras-custom-object ");
}

TEST(KerasConfig, WhatLoadersOpenIsFound) {
  EXPECT_EQ(rules(node("keras.layers", "TorchModuleWrapper")), "keras-torch-module ");
  EXPECT_EQ(rules(node("keras.layers", "TFSMLayer", R"({"filepath":"/tmp/x"})")), "keras-saved-model ");
  const std::string words = R"({"vocabulary":"/etc/passwd"})";
  EXPECT_EQ(rules(node("keras.layers", "StringLookup", words)), "keras-reads-file ");
  EXPECT_EQ(rules(node("keras.layers", "Dense", R"({"safe_mode":false})")), "keras-safe-mode-off ");
  EXPECT_EQ(rules(R"({"class_name":"TFOpLambda","config":{"function":"io.write_file"}})"),
            "keras-tensorflow-function ");
  EXPECT_TRUE(looks_like_config(R"({"class\u005fname":"Lambda"})"));
}

}  // namespace
}  // namespace sallyport::formats::keras
