#include "formats/inspect/skops.h"

#include <algorithm>
#include <array>
#include <string>

#include "core/bytes.h"
#include "formats/pickle_pack.h"
#include "formats/pickle_policy.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::array<std::string_view, 17> kBuiltins{
    "list",  "dict", "tuple", "set",   "frozenset", "str",       "int",      "float", "bool",
    "bytes", "type", "slice", "range", "complex",   "bytearray", "NoneType", "object"};
// Types of numbers, as NumPy names them; the arrays themselves lie beside the schema.
constexpr std::array<std::string_view, 22> kNumbers{
    "ndarray", "bool",   "bool_",  "int8",    "int16",   "int32",     "int64",      "uint8",
    "uint16",  "uint32", "uint64", "float16", "float32", "float64",   "longdouble", "complex64",
    "str_",    "bytes_", "dtype",  "object_", "intp",    "complex128"};

template <std::size_t kCount>
bool is_one_of(const std::array<std::string_view, kCount>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Whether a type or function is one that a pickle might use too: the packs say so, name by name. A helper of
// unpickling is no type, and called with a schema's arguments it is no helper.
bool is_listed(const pickle::PolicyTable& packs, std::string_view module, std::string_view name) {
  if (module == "builtins") return is_one_of(kBuiltins, name);
  if (module == "numpy" && is_one_of(kNumbers, name)) return true;
  const std::uint16_t ways = packs.ways_of(pickle::Global{std::string(module), std::string(name)});
  return ways != 0 && (ways & pickle::kIsHelper) == 0;
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
  const std::string name = node["__class__"];
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
  const pickle::PolicyTable& packs =
      probe.options().packs != nullptr ? *probe.options().packs : pickle::PolicyTable::built_in();
  if (is_listed(packs, module, name)) return;
  const std::string_view danger = pickle::danger_of(pickle::Global{module, name});
  const bool dangerous = !danger.empty();
  probe.observe({.topic = Topic::kCode,
                 .rule = dangerous ? "skops-dangerous-type" : "skops-unlisted-type",
                 .severity = dangerous ? Severity::kCritical : Severity::kHigh,
                 .offset = offset,
                 .message = "loading would import " + shown(module + "." + name) + " by " + shown(loader) +
                            ", which " + (dangerous ? std::string(danger) : "is on no list of allowed types"),
                 .remedy = "ask the publisher for a model of standard types"});
}

}  // namespace sallyport::formats::inspect
