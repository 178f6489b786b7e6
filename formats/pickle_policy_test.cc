#include "formats/pickle_policy.h"

#include <gtest/gtest.h>

#include <set>

#include "formats/pickle_scan.h"

namespace sallyport::formats::pickle {
namespace {

using namespace std::literals;

bool clean(const std::string& bytes) { return scan_pickles(as_bytes(bytes)).concerns.empty(); }

std::string global(std::string_view module, std::string_view name) {
  return "c" + std::string(module) + "\n" + std::string(name) + "\n";
}
std::string text(std::string_view value) { return "V" + std::string(value) + "\n"; }
std::string call(const std::string& callee, const std::string& arguments) {
  return callee + "(" + arguments + "tR";
}

const std::string kOrderedDict = global("collections", "OrderedDict");
const std::string kPartial = global("functools", "partial");
const std::string kLayerNorm = global("torch.nn.modules.normalization", "LayerNorm");
const std::string kLoadBytes = global("torch.storage", "_load_from_bytes");
const std::string kArray = global("numpy", "ndarray");
const std::string kReconstruct = global("numpy.core.multiarray", "_reconstruct");
const std::string kTensor = global("torch._utils", "_rebuild_tensor_v2");
const std::string kStorage = "(" + text("storage") + "tQ";
const std::string kBitGenerator = global("numpy.random._pickle", "__bit_generator_ctor");
const std::string kGenerator = global("numpy.random._pickle", "__generator_ctor");

struct Contract {
  std::string name, honest, crafted;
};

// Each helper as a tool uses it, and as an attacker would: with a function, a class or a text that it would
// call, import, open or evaluate.
const std::vector<Contract> kContracts{
    {"OrderedDict",
     call(kOrderedDict, "](" + text("k") +
                            "I1\n\x86"
                            "e"),
     call(kOrderedDict, text("ls -la"))},
    {"defaultdict", call(global("collections", "defaultdict"), global("builtins", "list")),
     call(global("collections", "defaultdict"), kLoadBytes)},
    {"getattr name", call(global("builtins", "getattr"), kLayerNorm + text("forward")),
     call(global("builtins", "getattr"), kLayerNorm + text("__init__"))},
    {"getattr of a method", call(global("builtins", "getattr"), kLayerNorm + text("EPSILON")),
     call(global("builtins", "getattr"), global("builtins", "object") + text("system"))},
    {"getattr class", call(global("builtins", "getattr"), kLayerNorm + text("forward")),
     call(global("builtins", "getattr"), kLoadBytes + text("real"))},
    {"getattr of an object", call(global("builtins", "getattr"), kLayerNorm + text("forward")),
     call(global("builtins", "getattr"), call(kOrderedDict, "") + text("popitem"))},
    {"encode", call(global("_codecs", "encode"), text("ab") + text("latin1")),
     call(global("_codecs", "encode"), text("ab") + text("rot13"))},
    {"partial", call(kPartial, kLayerNorm) + "(" + kLayerNorm + ")}Ntb", call(kPartial, kLoadBytes)},
    {"partial's state", call(kPartial, kLayerNorm) + "(" + kLayerNorm + ")}Ntb",
     call(kPartial, kLayerNorm) + "(" + kLoadBytes + ")}Ntb"},
    {"_reconstruct's shape",
     call(kReconstruct, kArray + "(I0\ntC\x01"
                                 "b"),
     call(kReconstruct, kArray + "(I9\ntC\x01"
                                 "b")},
    {"_reconstruct's class",
     call(kReconstruct, kArray + "(I0\ntC\x01"
                                 "b"),
     call(kReconstruct, kLoadBytes + "(I0\ntC\x01"
                                     "b")},
    {"dtype", call(global("numpy", "dtype"), text("f8") + "\x89\x88"),
     call(global("numpy", "dtype"), text("(__import__('os'))f8") + "\x89\x88")},
    {"generator", call(kGenerator, text("MT19937") + kBitGenerator),
     call(kGenerator, text("MT19937") + kLoadBytes)},
    {"bit generator", call(kBitGenerator, text("PCG64")),
     call(kBitGenerator, global("transformers.training_args", "TrainingArguments"))},
    {"_reconstructor's base",
     call(global("copyreg", "_reconstructor"), kLayerNorm + global("builtins", "object") + "N"),
     call(global("copyreg", "_reconstructor"), kLayerNorm + kLayerNorm + "N")},
    {"__newobj__", call(global("copyreg", "__newobj__"), kLayerNorm),
     call(global("copyreg", "__newobj__"), kLoadBytes)},
    {"tensor", call(kTensor, kStorage + "I0\n))\x89" + call(kOrderedDict, "")),
     call(kTensor, text("storage") + "I0\n))\x89" + call(kOrderedDict, ""))},
    {"tensor's hooks", call(kTensor, kStorage + "I0\n))\x89" + call(kOrderedDict, "")),
     call(kTensor, kStorage + "I0\n))\x89" + kLoadBytes)},
    {"tensor subclass",
     call(global("torch._tensor", "_rebuild_from_type_v2"),
          kTensor + global("torch.nn.parameter", "Parameter") + ")}"),
     call(global("torch._tensor", "_rebuild_from_type_v2"),
          kLoadBytes + global("torch.nn.parameter", "Parameter") + ")}")},
    {"enumeration", call(global("transformers.trainer_utils", "IntervalStrategy"), text("steps")),
     call(global("transformers.trainer_utils", "IntervalStrategy"), kLoadBytes)},
    {"pandas index",
     call(global("pandas.core.indexes.base", "_new_Index"),
          global("pandas.core.indexes.base", "Index") + "}"),
     call(global("pandas.core.indexes.base", "_new_Index"), kLayerNorm + "}")},
    {"set", call(global("builtins", "set"), "](I1\ne"),
     call(global("builtins", "set"), call(kOrderedDict, ""))},
    {"type", call(global("builtins", "type"), "N"), call(global("builtins", "type"), text("X") + ")}")},
    {"estimator", global("sklearn.tree._classes", "DecisionTreeClassifier") + ")\x81}b",
     global("sklearn.tree._classes", "DecisionTreeClassifier") + "(" + text("x") + "t\x81}b"},
    {"function kept",
     global("sklearn.preprocessing._function_transformer", "FunctionTransformer") + ")\x81}(" + text("func") +
         global("numpy", "log1p") + "ub",
     global("sklearn.preprocessing._function_transformer", "FunctionTransformer") + ")\x81}(" + text("func") +
         kLoadBytes + "ub"},
    {"flair",
     global("flair.embeddings.token", "TransformerWordEmbeddings") + ")\x81}(" + text("model") + text("x") +
         "ub",
     global("flair.embeddings.token", "TransformerWordEmbeddings") + ")\x81}(" + text("model") + text("x") +
         text("trust_remote_code") + "\x88ub"},
    {"statsmodels", global("statsmodels.base.data", "PandasData") + ")\x81}(" + text("names") + "]ub",
     global("statsmodels.base.data", "PandasData") + ")\x81}(" + text("formula") + text("y ~ x") + "ub"},
    {"dill", call(global("dill._dill", "_load_type"), text("NoneType")),
     call(global("dill._dill", "_load_type"), text("FunctionType"))}};

TEST(PicklePacks, EveryContractHoldsOnBothSides) {
  for (const Contract& contract : kContracts) {
    EXPECT_TRUE(clean("\x80\x02" + contract.honest + ".")) << contract.name;
    EXPECT_FALSE(clean("\x80\x02" + contract.crafted + ".")) << contract.name;
  }
}

TEST(PicklePacks, ClassesWhoseStateRunsCodeAreUnlisted) {
  const PolicyTable& table = PolicyTable::built_in();
  for (const auto& [module, name] : std::initializer_list<std::pair<const char*, const char*>>{
           {"scipy.stats._continuous_distns", "norm_gen"},
           {"skorch.classifier", "NeuralNetClassifier"},
           {"lightgbm.basic", "Dataset"},
           {"xgboost.core", "DMatrix"},
           {"joblib.numpy_pickle", "NDArrayWrapper"},
           {"joblib.numpy_pickle_compat", "ZNDArrayWrapper"},
           {"numpy", "memmap"},
           {"pandas", "read_pickle"},
           {"sklearn.metrics._dist_metrics", "PyFuncDistance64"},
           {"mmengine.config.lazy", "LazyObject"},
           {"stable_baselines3.common.vec_env.base_vec_env", "CloudpickleWrapper"},
           {"torch.fx.graph_module", "reduce_graph_module"},
           {"torchvision.transforms.transforms", "Lambda"},
           {"numpy.core", "_ufunc_reconstruct"}}) {
    const Global global{.module = module, .name = name};
    EXPECT_EQ(table.ways_of(global), 0) << global.text();
    if (std::string_view(name) == "PyFuncDistance64" || std::string_view(name) == "Lambda") continue;
    EXPECT_FALSE(danger_of(global).empty()) << global.text();
  }
}

// A name with dots reaches through what it starts with: torch.nn.modules.os.system.
TEST(PicklePacks, DottedNamesReachNothing) {
  for (const auto& [module, name] :
       std::initializer_list<std::pair<const char*, const char*>>{{"torch", "nn.modules.os.system"},
                                                                  {"torch", "nn.functional.relu.__globals__"},
                                                                  {"numpy", "ndarray.tofile"},
                                                                  {"collections", "OrderedDict.fromkeys"},
                                                                  {"sklearn.base", "BaseEstimator.__init__"},
                                                                  {"torch.nn.modules", "linear.Linear"}}) {
    EXPECT_EQ(PolicyTable::built_in().ways_of({.module = module, .name = name}), 0) << name;
  }
}

TEST(PicklePacks, NothingThatMayBeCalledIsDangerous) {
  // Held to contracts that leave nothing of the danger.
  const std::set<std::string> held{"builtins.getattr",
                                   "functools.partial",
                                   "copyreg._reconstructor",
                                   "copyreg.__newobj__",
                                   "torch.storage._load_from_bytes",
                                   "dill._dill._load_type"};
  std::size_t seen = 0;
  PolicyTable::built_in().for_each([&](const Global& global, std::uint16_t ways) {
    ++seen;
    // A path of texts, whose methods are out of reach; lists of numbers of TorchScript.
    if (global.module.starts_with("pathlib") || global.module == "torch.jit._pickle") return;
    if (held.contains(global.text())) return;
    EXPECT_TRUE(danger_of(global).empty()) << global.text() << " " << ways;
    EXPECT_TRUE(global.name.find('.') == std::string::npos || global.name.ends_with("_generator_ctor"));
  });
  EXPECT_GT(seen, 3000U);
}

TEST(PicklePacks, MorePacksAllowMore) {
  const std::string stream = "\x80\x02" + global("acme.models", "Net") + ")\x81}b.";
  const Result<Pack> pack = parse_pack(
      "pack: acme\nversion: 1\nfrom: [acme 1.0]\nrules:\n  - ways: construct build\n    names: {acme.models: "
      "Net}\n",
      "acme.yaml");
  ASSERT_TRUE(pack) << pack.error().message;
  const Result<PolicyTable> more = PolicyTable::with(std::span(&*pack, 1));
  ASSERT_TRUE(more) << more.error().message;
  EXPECT_EQ(more->packs().back(), "acme 1 (acme 1.0)");
  struct Watch : Observer {
    explicit Watch(const PolicyTable& t) : table(t) {}
    void on_use(const Use& use, const Heap& heap) override {
      refused += table.judge(use, heap).judgement != Judgement::kAllowed;
    }
    const PolicyTable& table;
    int refused = 0;
  };
  Watch with(*more);
  Watch without(PolicyTable::built_in());
  interpret(as_bytes(stream), 0, with);
  interpret(as_bytes(stream), 0, without);
  EXPECT_EQ(with.refused, 0);
  EXPECT_EQ(without.refused, 3);
}

TEST(PicklePacks, PacksAreReadStrictly) {
  const std::string head = "pack: a\nversion: 1\nfrom: []\nrules:\n";
  for (const auto& [body, message] : std::initializer_list<std::pair<const char*, const char*>>{
           {"  - {ways: fly, names: {a: B}}", "p: rule 1: unknown way 'fly'"},
           {"  - {ways: call, names: {a-b: B}}", "p: rule 1: 'a-b' is no module"},
           {"  - {ways: call, names: {a: 'B c..d'}}", "p: rule 1: 'c..d' is no name in a"},
           {"  - {ways: call, names: {}}", "p: rule 1: a rule without names"},
           {"  - {ways: '', names: {a: B}}", "p: rule 1: a rule without ways"}}) {
    const Result<Pack> pack = parse_pack(head + body, "p");
    ASSERT_FALSE(pack) << body;
    EXPECT_EQ(pack.error().message, message);
  }
  EXPECT_FALSE(parse_pack(head + "  - {ways: call, names: {a: B}, more: 1}", "p"));
  for (const char* shape : {"teapot", "int,,str", "'a", "int/"}) {
    Pack pack{.name = "a", .rules = {{.ways = kMayCall, .arguments = shape, .globals = {{"a", "B"}}}}};
    EXPECT_FALSE(PolicyTable::with(std::span(&pack, 1))) << shape;
  }
}

// The table numbers the kinds as the interpreter does.
TEST(PicklePacks, KindsAreCountedAlike) {
  EXPECT_EQ(static_cast<int>(Kind::kNone), 0);
  EXPECT_EQ(static_cast<int>(Kind::kText), 4);
  EXPECT_EQ(static_cast<int>(Kind::kFrozenSet), 11);
  EXPECT_EQ(static_cast<int>(Kind::kGlobal), 12);
  EXPECT_EQ(static_cast<int>(Kind::kBuffer), 15);
}

}  // namespace
}  // namespace sallyport::formats::pickle
