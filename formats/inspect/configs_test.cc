// Configurations, code and schemas beside weights, through the whole walk.
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>

#include "formats/inspect/inspect.h"
#include "formats/inspect/paths.h"

namespace sallyport::formats::inspect {
namespace {

Inspection look(const std::string& name, std::string_view text) {
  return inspect(as_bytes(text), {.name = name});
}

bool says(const std::string& name, std::string_view text, std::string_view rule) {
  const Inspection seen = look(name, text);
  return std::ranges::any_of(seen.seen, [&](const Seen& s) { return s.rule == rule; });
}

TEST(InspectConfigs, SaysNothingOfHonestConfigurations) {
  for (const char* text :
       {R"({"model_type": "llama", "vocab_size": 32000, "torch_dtype": "bfloat16"})",
        R"({"do_sample": true, "temperature": 0.6, "top_p": 0.9, "eos_token_id": [1, 2]})",
        R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}])",
        R"({"weight_map": {"a": "1.safetensors", "b": "2.safetensors"}})",
        R"({"normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "_"}})",
        R"({"auto_mapping": {"parent_library": "transformers.models.bert.modeling_bert"}})",
        R"({"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]})"}) {
    const Inspection seen = look("config.json", text);
    EXPECT_EQ(seen.format(), "json") << text;
    EXPECT_TRUE(seen.complete()) << text;
    for (const Seen& s : seen.seen) ADD_FAILURE() << text << ": " << s.rule;
  }
}

TEST(InspectConfigs, NamesWhatAConfigurationWouldHaveRun) {
  EXPECT_TRUE(says("x", R"({"auto_map": {"AutoModel": "m.M"}})", "config-names-code"));
  EXPECT_TRUE(says("x", R"({"a": [{"auto_map": {"AutoTokenizer": [null, "o/r--m.M"]}}]})",
                   "config-names-remote-code"));
  EXPECT_TRUE(says("x", R"({"custom_pipelines": {"p": {"impl": "p.P", "pt": ["M"]}}})", "config-names-code"));
  EXPECT_TRUE(says("x", R"({"trust_remote_code": true})", "config-trusts-remote-code"));
  EXPECT_TRUE(says("MLmodel", "flavors:\n  python_function:\n    loader_module: own\n", "config-names-code"));
  EXPECT_FALSE(
      says("MLmodel", "flavors:\n  python_function:\n    loader_module: mlflow.onnx\n", "config-names-code"));
  EXPECT_TRUE(says("x", R"({"_class_name": ["pipeline", "Mine"]})", "config-names-code"));
  EXPECT_TRUE(says("x", R"({"_class_name": "P", "unet": ["os", "system"]})", "pipeline-names-dangerous"));
  EXPECT_TRUE(says("x", R"([{"idx": 0, "path": "", "type": "evil.Module"}])", "module-names-code"));
  EXPECT_TRUE(says("x", R"({"weight_map": {"a": "../../x"}})", "index-leaves-folder"));
  EXPECT_TRUE(says("x", R"({"chat_template": "{{ x.__class__ }}"})", "template-escapes-sandbox"));
  EXPECT_TRUE(says("x", R"({"chat_template": [{"name": "d", "template": "{{ x.__class__ }}"}]})",
                   "template-escapes-sandbox"));
  EXPECT_TRUE(says("x", R"({"temperature": 90.0})", "generation-setting-out-of-range"));
  EXPECT_TRUE(says("x", R"({"type": "Replace", "pattern": {"String": "deny"}, "content": "allow"})",
                   "tokenizer-rewrites-words"));
  EXPECT_TRUE(says("x", R"({"a": 1, "a": 2})", "json-duplicate-key"));
  EXPECT_TRUE(says("x", R"({"__module__": "os", "__class__": "system", "__loader__": "FunctionNode"})",
                   "skops-dangerous-type"));
  EXPECT_FALSE(says("x", R"({"__module__": "numpy", "__class__": "ndarray", "__loader__": "NdArrayNode"})",
                    "skops-unlisted-type"));
}

TEST(InspectConfigs, JsonThatIsNotReadIsNotPassedOver) {
  EXPECT_FALSE(look("config.json", "{\"auto_map\": {'a': 'b.C'}}").complete());
  EXPECT_TRUE(look("notes", "{ just words }").complete());
}

TEST(InspectConfigs, TellsWhatImportingCodeDoesFromWhatCallingItMay) {
  for (const char* name : {"m.py", "M.PY", "m.pyw", "site.pth"}) {
    EXPECT_TRUE(says(name, "import os\nos.system('id')\n", "code-acts-on-import")) << name;
  }
  EXPECT_TRUE(says("run", "#!/usr/bin/env python3\nimport os\nos.system('id')\n", "code-acts-on-import"));
  EXPECT_TRUE(says("m.py", "import subprocess as s\nclass A:\n  s.run(['id'])\n", "code-acts-on-import"));
  EXPECT_TRUE(says("m.py", "import os\ndef f():\n  os.system('id')\n", "code-acts-when-called"));
  EXPECT_FALSE(says("m.py", "import os\ndef f():\n  os.system('id')\n", "code-acts-on-import"));
  EXPECT_TRUE(look("m.py", "import torch\nmodel = torch.nn.Linear(1, 1)\nmodel.eval()\n").seen.empty());
}

TEST(InspectConfigs, ManyMembersAreReadInTimeThatGrowsWithThem) {
  std::string modules = "[";
  std::string index = R"({"weight_map": {)";
  std::string templates = "{";
  for (int i = 0; i < 50'000; ++i) {
    const std::string n = std::to_string(i);
    modules += R"({"__module__": "x"},)";
    index += "\"t" + n + "\": \"f" + n + ".bin\",";
    templates += "\"" + n + "chat_template\": \"{{ a }}\",";
  }
  for (std::string* text : {&modules, &index, &templates}) text->pop_back();
  // Each was minutes when a member was a search of the text, or of the files before.
  const std::clock_t start = std::clock();
  EXPECT_TRUE(inspect(as_bytes(modules + "]"), {}).complete());
  EXPECT_TRUE(inspect(as_bytes(index + "}}"), {}).seen.empty());
  EXPECT_TRUE(inspect(as_bytes(templates + "}"), {}).complete());
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 20.0);
}

TEST(InspectConfigs, SymbolsOfMxnetThatCallOut) {
  const auto symbol = [](const std::string& node) {
    return R"({"nodes": [{"op": "null", "name": "data", "inputs": []}, )" + node +
           R"(], "arg_nodes": [0], "heads": [[1, 0, 0]]})";
  };
  const auto rules = [&](const std::string& node) {
    std::vector<std::string> out;
    for (const Seen& seen : inspect(as_bytes(symbol(node)), {}).seen) out.push_back(seen.rule);
    return out;
  };
  using Rules = std::vector<std::string>;
  const std::string custom = R"({"op": "Custom", "name": "c", "attrs": {"op_type": "x"}, "inputs": []})";
  const std::string library =
      R"({"op": "Convolution", "name": "c", "attrs": {"lib": "/x/y.so"}, "inputs": []})";
  const std::string plain = R"js({"op": "Convolution", "name": "c", "attrs": {"k": "(3,)"}, "inputs": []})js";
  EXPECT_EQ(rules(custom), Rules{"mxnet-custom-operator"});
  EXPECT_EQ(rules(library), Rules{"mxnet-names-library"});
  EXPECT_EQ(rules(plain), Rules{});
}

TEST(InspectConfigs, PathsThatLeaveTheirFolder) {
  for (const char* path : {"/a", "..", "a/../../b", "a\\..\\b", "c:x", "~/x", "https://x/y"}) {
    EXPECT_FALSE(leaves_folder(path).empty()) << path;
  }
  for (const char* path : {"a", "a/b", "a..b", "...", ""}) EXPECT_TRUE(leaves_folder(path).empty()) << path;
}

TEST(InspectConfigs, NamesThatAReaderWouldImportAreHeldAgainstTheDangers) {
  const std::string_view rule = "config-calls-dangerous";
  EXPECT_TRUE(says("c.yaml", "model:\n  _target_: os.system\n  _args_: [id]\n", rule));
  EXPECT_TRUE(says("c.yaml", "\"_target_\": &a 'builtins.eval'\n", rule));
  EXPECT_TRUE(says("c.yaml", "trainer: {class_path: subprocess.Popen}\n", rule));
  EXPECT_TRUE(says("c.yaml", "_target_: eval\n", rule));
  EXPECT_TRUE(says("c.json", R"({"net": [{"_target_": "importlib.import_module"}]})", rule));
  for (const char* honest :
       {"_target_: torch.optim.AdamW\n", "_target_: src.models.Net\n", "target: production\n",
        "_target_: os.path.join\n", "class_path: my.Net\n", "target: [os.system]\nother: os.system\n"}) {
    const Inspection seen = look("c.yaml", honest);
    EXPECT_TRUE(seen.seen.empty() && seen.complete()) << honest;
  }
}

TEST(InspectConfigs, JsonpickleRebuildsObjectsAndIsNoPlainData) {
  EXPECT_TRUE(says("x", R"({"py/reduce": [{"py/function": "posix.system"}, {"py/tuple": ["id"]}]})",
                   "jsonpickle-dangerous"));
  EXPECT_TRUE(says("x", R"({"a": {"py/object": "models.Net", "w": 1}})", "jsonpickle-object"));
  EXPECT_TRUE(says("x", R"~({"py/repr": "os/os.system('id')"})~", "jsonpickle-evaluates"));
}

TEST(InspectConfigs, APickleInsideJsonIsReadAsOne) {
  // posix.system('true'), as Stable-Baselines3 keeps the class of a policy.
  const std::string pickle = "cposix\nsystem\n(S'true'\ntR.";
  const std::string json =
      R"({"policy_class": {":type:": "x", ":serialized:": ")" + to_base64(as_bytes(pickle)) + "\"}}";
  EXPECT_TRUE(says("data", json, "pickle-dangerous-call"));
  EXPECT_FALSE(look("data", R"({":serialized:": "no base64!"})").complete());
}

TEST(InspectConfigs, NativeCodeIsNamedAndLeftUnread) {
  const std::string elf = std::string(
                              "\x7F"
                              "ELF\x02\x01\x01",
                              7) +
                          std::string(64, '\0');
  EXPECT_TRUE(says("weights.bin", elf, "native-code"));
  EXPECT_FALSE(look("weights.bin", elf).complete());
  EXPECT_FALSE(
      says("notes", "MZ is how a letter may begin, and this one is long enough for a header", "native-code"));
}

TEST(InspectConfigs, WhatIsOnlyRecognisedIsNamedAndNeverComplete) {
  const std::string program = std::string("\x18\0\0\0ET12", 8) + std::string(40, '\1');
  const Inspection executorch = look("model.pte", program);
  EXPECT_EQ(executorch.format(), "executorch");
  EXPECT_FALSE(executorch.complete());
  const Inspection core_ml = look("model.mlmodel", std::string("\x08\x05\x12\x02\x0A\x00\x1A\x00", 8));
  EXPECT_NE(core_ml.format().find("core-ml"), std::string::npos);
  EXPECT_FALSE(core_ml.complete());
  const Inspection r = look("model.rds", std::string("X\n\0\0\0\3\0\4\2\1", 10));
  EXPECT_EQ(r.format(), "r-object");
  EXPECT_FALSE(r.complete());
}

}  // namespace
}  // namespace sallyport::formats::inspect
