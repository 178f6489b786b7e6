#include "formats/inspect/skops.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/bytes.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::array<std::string_view, 20> kBuiltins{
    "list", "dict",  "tuple", "set",     "frozenset", "str",      "int",    "float", "bool", "bytes",
    "type", "slice", "range", "complex", "bytearray", "NoneType", "object", "json",  "abs",  "len"};

bool within(std::string_view module, std::string_view root) {
  return module == root || (module.starts_with(root) && module.substr(root.size()).starts_with('.'));
}

// Whether a type or function is one that honest estimators hold.
bool is_listed(std::string_view module, std::string_view name, bool function) {
  if (module == "builtins" || module == "json") {
    return std::find(kBuiltins.begin(), kBuiltins.end(), name) != kBuiltins.end();
  }
  for (const std::string_view apart : {"numpy.f2py", "numpy.testing", "numpy.distutils", "numpy.ctypeslib",
                                       "numpy.lib.npyio", "sklearn.externals", "sklearn._build_utils",
                                       "sklearn.datasets", "scipy.io", "scipy.weave", "scipy.datasets"}) {
    if (within(module, apart)) return false;
  }
  if (within(module, "numpy") && function) {
    return name.find("load") == std::string_view::npos && name.find("save") == std::string_view::npos &&
           name.find("file") == std::string_view::npos && name.find("text") == std::string_view::npos;
  }
  if (within(module, "numpy") || within(module, "sklearn") || within(module, "scipy")) return true;
  if (module == "collections") return name == "OrderedDict" || name == "defaultdict" || name == "Counter";
  if (module == "functools") return name == "partial";
  if (module == "datetime" || module == "decimal" || module == "pathlib") return !function;
  for (const std::string_view root : {"xgboost", "lightgbm", "catboost", "quantile_forest"}) {
    if (within(module, root)) return !function;
  }
  return false;
}

}  // namespace

void judge_skops_node(Probe& probe, const Json& node, std::uint64_t offset) {
  if (!node.is_object() || !node.contains("__module__") || !node.contains("__class__") ||
      !node.contains("__loader__")) {
    return;
  }
  for (const char* member : {"__module__", "__class__", "__loader__"}) {
    if (!node[member].is_string()) {
      probe.unread(offset, 0, "skops: " + std::string(member) + " is not text");
      return;
    }
  }
  const std::string module = node["__module__"];
  std::string name = node["__class__"];
  const std::string loader = node["__loader__"];
  // A method node names its function in the content, of an object that is a node of its own.
  if (loader == "MethodNode" || loader.starts_with("Operator")) {
    probe.observe(
        {.topic = Topic::kCode,
         .rule = "skops-callable",
         .severity = Severity::kHigh,
         .confidence = Confidence::kMedium,
         .offset = offset,
         .message = "loading would bind a callable of " + shown(module + "." + name) + " by " + shown(loader),
         .remedy = "ask the publisher for a model without callables of its own"});
    return;
  }
  const bool function = loader == "FunctionNode";
  if (is_listed(module, name, function)) return;
  const bool dangerous =
      module == "builtins" || module == "os" || module == "posix" || module == "subprocess";
  probe.observe({.topic = Topic::kCode,
                 .rule = dangerous ? "skops-dangerous-type" : "skops-unlisted-type",
                 .severity = dangerous ? Severity::kCritical : Severity::kHigh,
                 .offset = offset,
                 .message = "loading would import " + shown(module + "." + name) + " by " + shown(loader) +
                            ", which is on no list of allowed types",
                 .remedy = "ask the publisher for a model of standard types"});
}

}  // namespace sallyport::formats::inspect
