#include "formats/inspect/mxnet.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

#include "formats/inspect/paths.h"

namespace sallyport::formats::inspect {
namespace {

// Operators whose work is a Python function: registered by name, or by its address in older releases.
constexpr std::array<std::string_view, 5> kPython{"Custom", "_Custom", "_CustomFunction", "_Native",
                                                  "_NDArray"};

bool is_library(std::string_view value) {
  constexpr std::array<std::string_view, 4> kEndings{".so", ".dll", ".dylib", ".py"};
  return std::ranges::any_of(kEndings, [&](std::string_view ending) { return value.ends_with(ending); });
}

void say(Probe& probe, std::string rule, std::uint64_t offset, std::string message) {
  probe.observe({.topic = Topic::kOperator,
                 .rule = std::move(rule),
                 .offset = offset,
                 .message = std::move(message),
                 .remedy = "ask the publisher for a graph of built-in operators alone"});
}

}  // namespace

void judge_mxnet_node(Probe& probe, const Json& node, std::uint64_t offset) {
  const auto op = node.find("op");
  if (op == node.end() || !op->is_string() || !node.contains("inputs")) return;
  const std::string& name = op->get_ref<const std::string&>();
  for (const char* member : {"attrs", "attr", "param"}) {  // by release
    const auto attributes = node.find(member);
    if (attributes == node.end() || !attributes->is_object()) continue;
    for (const auto& [key, value] : attributes->items()) {
      if (!value.is_string() || !is_library(value.get_ref<const std::string&>())) continue;
      say(probe, "mxnet-names-library", offset,
          "an operator " + shown(name) + " of the graph names the library " +
              shown(value.get_ref<const std::string&>()) + " as its " + shown(key));
    }
  }
  if (std::ranges::find(kPython, name) == kPython.end()) return;
  say(probe, "mxnet-custom-operator", offset,
      "running the graph would call a Python function of the loader's, by the operator " + shown(name));
}

}  // namespace sallyport::formats::inspect
