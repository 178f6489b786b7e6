// ONNX: operators, functions, external data and hidden choices; everything that is not in the schema is left
// unaccounted.
#include "formats/onnx.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/text.h"
#include "formats/inspect/inspect.h"
#include "formats/onnx_logic.h"
#include "formats/onnx_operators.h"
#include "formats/path_rules.h"
#include "formats/protobuf_kind.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

constexpr std::string_view kPlainRemedy =
    "export the model again with operators of ONNX itself, or review and allow what it asks for";
constexpr std::string_view kExternalRemedy = "keep the weights in the file, or beside it under a plain name";

bool plausible(const Layer& layer) {
  const bool named = layer.name.ends_with(".onnx") && !layer.bytes.empty() && layer.bytes[0] == 0x08;
  return named || looks_like_onnx(layer.bytes);
}

class OnnxJudge {
 public:
  OnnxJudge(Probe& probe, const onnx::Model& model) : probe_(probe), model_(model) {}

  void judge() {
    for (const onnx::Graph& graph : model_.graphs) {
      if (graph.kind == onnx::GraphKind::kFunction) functions_.insert(key(graph.domain, graph.name));
    }
    for (const onnx::Graph& graph : model_.graphs) judge_graph(graph);
    judge_recursion();
    for (const onnx::Problem& problem : onnx::problems_of(model_)) {
      if (problem.kind != onnx::ProblemKind::kMalformed) continue;
      say(Topic::kStructure, "onnx-malformed", Severity::kMedium, problem.offset, problem.message,
          "export the model again; loaders stumble over it");
    }
    judge_domains();
    for (const onnx::HiddenChoice& choice : onnx::hidden_choices(model_)) {
      say(Topic::kLogic, "onnx-constant-compared-branch", Severity::kHigh, choice.offset,
          "constant-compared branch: " + choice.node +
              " replaces what the model computed when its input equals constants of the file",
          "do not use it; compare it with the graph that its training code exports");
      say(Topic::kGraph, "onnx-constant-compared-branch", Severity::kHigh, choice.offset,
          "constant-compared branch: " + choice.node + " dominates an output",
          "do not use it; compare it with the graph that its training code exports");
    }
  }

 private:
  static std::string key(std::string_view domain, std::string_view name) {
    return (domain == "ai.onnx" ? "" : std::string(domain)) + ":" + std::string(name);
  }

  void say(Topic topic, std::string rule, Severity severity, std::uint64_t offset, std::string message,
           std::string_view remedy) {
    probe_.observe({.topic = topic,
                    .rule = std::move(rule),
                    .severity = severity,
                    .offset = offset,
                    .message = std::move(message),
                    .remedy = std::string(remedy)});
  }

  void judge_graph(const onnx::Graph& graph) {
    const bool shadows = graph.kind == onnx::GraphKind::kFunction &&
                         onnx::standing_of(graph.domain, graph.name) == onnx::Standing::kKnown &&
                         (graph.domain.empty() || graph.domain == "ai.onnx");
    if (shadows) {
      say(Topic::kGraph, "onnx-shadowed-operator", Severity::kMedium, 0,
          "function '" + printable(graph.name) + "' takes the name of an operator of ONNX", kPlainRemedy);
    }
    for (const onnx::Tensor& tensor : graph.initializers) judge_tensor(tensor);
    for (const onnx::Tensor& tensor : graph.sparse_initializers) judge_tensor(tensor);
    for (const onnx::Node& node : graph.nodes) judge_node(node);
  }

  // Whatever a graph uses is in an operator set that the model names, unless the file was cut before it.
  void judge_domains() {
    std::set<std::string_view> named;
    for (const auto& [domain, version] : model_.opsets)
      named.insert(domain == "ai.onnx" ? std::string_view() : std::string_view(domain));
    std::set<std::string_view> lacking;
    for (const onnx::Graph& graph : model_.graphs) {
      if (graph.kind == onnx::GraphKind::kFunction) continue;
      for (const onnx::Node& node : graph.nodes) {
        const std::string_view domain =
            node.domain == "ai.onnx" ? std::string_view() : std::string_view(node.domain);
        if (!named.contains(domain)) lacking.insert(domain);
      }
    }
    for (const std::string_view domain : lacking) {
      say(Topic::kStructure, "onnx-malformed", Severity::kMedium, 0,
          "onnx: operators of the domain '" + printable(domain) + "' are used, and no version of it is named",
          "export the model again");
    }
  }

  void judge_node(const onnx::Node& node) {
    for (const onnx::Attribute& attribute : node.attributes) {
      for (const onnx::Tensor& tensor : attribute.tensors) judge_tensor(tensor);
    }
    if (functions_.contains(key(node.domain, node.op))) return;
    const std::string op = "operator '" + printable(node.op) + "'";
    switch (onnx::standing_of(node.domain, node.op)) {
      case onnx::Standing::kKnown: return;
      case onnx::Standing::kUnknown:
        return say(Topic::kGraph, "onnx-unknown-operator", Severity::kHigh, node.offset,
                   op + " is none of ONNX's own, so whatever is registered under its name would run",
                   kPlainRemedy);
      case onnx::Standing::kCalls:
        return say(Topic::kGraph, "onnx-calling-operator", Severity::kHigh, node.offset,
                   op + " of the domain '" + printable(node.domain) +
                       "' runs a function or a compiled program that is not part of the graph",
                   kPlainRemedy);
      case onnx::Standing::kCustom:
        return say(Topic::kGraph, "onnx-custom-domain", Severity::kHigh, node.offset,
                   op + " of the custom domain '" + printable(node.domain) +
                       "' would run code that somebody registered",
                   kPlainRemedy);
    }
  }

  void judge_tensor(const onnx::Tensor& tensor) {
    if (!tensor.external) return;
    const std::string what = "external data of tensor '" + printable(tensor.name) + "'";
    std::optional<std::string> location;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    for (const auto& [name, value] : tensor.external_data) {
      const std::optional<std::uint64_t> size = parsed_number<std::uint64_t>(value);
      if (name == "location") {
        location = value;
      } else if (name == "offset" || name == "length") {
        if (!size) {
          say(Topic::kStructure, "onnx-external-extent", Severity::kHigh, tensor.offset,
              what + ": its " + name + " '" + printable(value) + "' is no number", kExternalRemedy);
        }
        (name == "offset" ? offset : length) = size.value_or(0);
      } else if (name != "checksum") {
        say(Topic::kGraph, "onnx-external-key", Severity::kHigh, tensor.offset,
            what + ": '" + printable(name) + "' is no property of external data, and loaders take it as one",
            kExternalRemedy);
      }
    }
    judge_location(tensor, what, location.value_or(""));
    std::uint64_t end = 0;
    if (__builtin_add_overflow(offset, length, &end)) {
      say(Topic::kStructure, "onnx-external-extent", Severity::kHigh, tensor.offset,
          what + ": offset and length are beyond any file", kExternalRemedy);
    }
    Reference reference{.topic = Topic::kGraph, .path = location.value_or(""), .what = what};
    reference.offset = tensor.offset;
    reference.bytes_min = end;
    if (length != 0) reference.data_begin = offset;
    probe_.refer(std::move(reference));
  }

  void judge_location(const onnx::Tensor& tensor, const std::string& what, const std::string& location) {
    const std::string problem = path_problem(location);
    if (problem.empty()) return;
    const bool memory = location.find("_ORT_MEM_ADDR_") != std::string::npos;
    say(Topic::kGraph, memory ? "onnx-external-memory" : "onnx-external-path", Severity::kHigh, tensor.offset,
        what + (memory ? ": its values are taken from an address in the loader's memory"
                       : ": its path '" + printable(location) + "' " + problem),
        kExternalRemedy);
  }

  // A function that reaches itself would be unfolded without end. Functions that only call finished ones are
  // finished; what is left over calls in a circle.
  void judge_recursion() {
    std::map<std::string, std::set<std::string>> calls;
    for (const onnx::Graph& graph : model_.graphs) {
      if (graph.kind != onnx::GraphKind::kFunction) continue;
      std::set<std::string>& called = calls[key(graph.domain, graph.name)];
      for (const onnx::Node& node : graph.nodes) {
        const std::string name = key(node.domain, node.op);
        if (functions_.contains(name)) called.insert(name);
      }
    }
    std::map<std::string, std::vector<std::string>> callers;
    std::map<std::string, std::size_t> waiting;
    std::vector<std::string> ready;
    for (const auto& [name, called] : calls) {
      for (const std::string& callee : called) callers[callee].push_back(name);
      waiting[name] = called.size();
      if (called.empty()) ready.push_back(name);
    }
    std::size_t finished = 0;
    while (!ready.empty()) {
      const std::string name = std::move(ready.back());
      ready.pop_back();
      ++finished;
      for (const std::string& caller : callers[name]) {
        if (--waiting[caller] == 0) ready.push_back(caller);
      }
    }
    if (finished == calls.size()) return;
    say(Topic::kStructure, "onnx-recursive-function", Severity::kHigh, 0,
        "functions call one another in a circle, so a loader would unfold them without end", kPlainRemedy);
  }

  Probe& probe_;
  const onnx::Model& model_;
  std::set<std::string> functions_;
};

void inspect_onnx(Probe& probe) {
  probe.claim("onnx");
  const Result<onnx::Model> model = onnx::read_onnx(probe.bytes(), onnx::Values::kViewed);
  if (!model) {
    probe.observe({.topic = Topic::kStructure,
                   .rule = "onnx-malformed",
                   .severity = Severity::kMedium,
                   .message = model.error().message,
                   .remedy = "export the model again; loaders read such a file differently"});
    probe.unread(0, probe.bytes().size(), model.error().message);
    return;
  }
  OnnxJudge(probe, *model).judge();
  std::vector<onnx::Unknown> unknown = model->unknown;
  std::ranges::sort(unknown, {}, &onnx::Unknown::offset);
  std::uint64_t at = 0;
  for (const onnx::Unknown& field : unknown) {
    if (field.offset > at) probe.account(at, field.offset - at);
    at = std::max<std::uint64_t>(at, field.offset + field.size);
  }
  probe.account(at, probe.bytes().size() - at);
}

}  // namespace

extern const Inspector onnx_inspector;
const Inspector onnx_inspector{.id = "onnx", .plausible = plausible, .inspect = inspect_onnx};

}  // namespace sallyport::formats::inspect
