#include "formats/onnx.h"

#include <algorithm>
#include <array>
#include <unordered_map>

#include "core/limits.h"
#include "formats/utf8.h"

namespace sallyport::formats::onnx {

namespace {

constexpr std::array<std::string_view, 3> kOwnDomains{"", "ai.onnx", "ai.onnx.ml"};

bool is_own(const std::string& domain) { return std::ranges::find(kOwnDomains, domain) != kOwnDomains.end(); }

// Where a name is defined: before all nodes, or by the node of that number.
constexpr std::ptrdiff_t kBeforeNodes = -1;
using Definitions = std::unordered_map<std::string_view, std::ptrdiff_t>;

struct Owner {
  std::size_t graph = 0;
  std::ptrdiff_t node = 0;
};

class Examiner {
 public:
  explicit Examiner(const Model& model)
      : model_(model), definitions_(model.graphs.size()), owners_(model.graphs.size()) {}

  std::vector<Problem> run() {
    for (const Unknown& unknown : model_.unknown) {
      add(ProblemKind::kUnknownField, unknown.offset,
          "field " + std::to_string(unknown.field) + " of " + unknown.where + ", " +
              std::to_string(unknown.length) + " bytes, is not read here");
    }
    check_opsets();
    for (std::size_t i = 0; i < model_.graphs.size(); ++i) check_graph(i);
    std::ranges::stable_sort(problems_, {}, &Problem::offset);
    return std::move(problems_);
  }

 private:
  void add(ProblemKind kind, std::size_t offset, std::string message) {
    if (problems_.size() < limits::kFindingsPerGuardMax)
      problems_.push_back({kind, offset, std::move(message)});
  }

  void check_opsets() {
    std::vector<std::string_view> seen;
    for (const auto& [domain, version] : model_.opsets) {
      if (std::ranges::find(seen, domain) != seen.end()) {
        add(ProblemKind::kOperatorSets, 0, "operator set '" + printable(domain) + "' is named twice");
      }
      seen.push_back(domain);
      if (!is_own(domain)) {
        add(ProblemKind::kCustomDomain, 0, "operator set of the custom domain '" + printable(domain) + "'");
      }
    }
    const auto is_default = [](std::string_view domain) { return domain.empty() || domain == "ai.onnx"; };
    if (std::ranges::none_of(seen, is_default)) {
      add(ProblemKind::kOperatorSets, 0, "no version of ONNX's own operators is named");
    }
  }

  void check_tensor(const Tensor& tensor) {
    if (tensor.external) {
      std::string location = "(no location)";
      for (const auto& [key, value] : tensor.external_data) {
        if (key == "location") location = value;
      }
      add(ProblemKind::kExternalData, tensor.offset,
          "tensor '" + printable(tensor.name) + "' takes its values from the file '" + printable(location) +
              "'");
      return;
    }
    const auto malformed = [&](const std::string& what) {
      add(ProblemKind::kMalformed, tensor.offset, "tensor '" + printable(tensor.name) + "': " + what);
    };
    std::uint64_t elements = 1;
    for (const std::int64_t extent : tensor.shape) {
      if (extent < 0 || __builtin_mul_overflow(elements, static_cast<std::uint64_t>(extent), &elements)) {
        return malformed("its shape is no shape");
      }
    }
    if (tensor.type == DataType::kString) {
      if (tensor.texts.size() != elements) malformed("its texts do not agree with its shape");
      return;
    }
    const std::size_t bits = bits_of(tensor.type);
    if (bits == 0) return malformed("elements of type " + std::to_string(static_cast<int>(tensor.type)));
    const std::size_t size = tensor.values().size();
    std::uint64_t wanted_bits = 0;
    const bool too_large = __builtin_mul_overflow(elements, bits, &wanted_bits);
    if (!tensor.texts.empty() || too_large || wanted_bits / 8 + (wanted_bits % 8 != 0 ? 1 : 0) != size) {
      malformed(std::to_string(size) + " bytes do not agree with its type and shape");
    }
  }

  // A name is visible when its own graph defines it before this node, or an enclosing one before the owner.
  bool visible(std::size_t graph, std::ptrdiff_t node, std::string_view name) const {
    for (;;) {
      const auto found = definitions_[graph].find(name);
      if (found != definitions_[graph].end() && found->second < node) return true;
      if (graph == 0 || model_.graphs[graph].kind != GraphKind::kSubgraph) return false;
      node = owners_[graph].node;
      graph = owners_[graph].graph;
    }
  }

  void define(std::size_t graph, const std::string& name, std::ptrdiff_t node, std::size_t offset) {
    if (name.empty()) return;  // an optional output that is not wanted
    if (!definitions_[graph].emplace(name, node).second) {
      add(ProblemKind::kMalformed, offset, "name '" + printable(name) + "' is defined twice in one graph");
    }
  }

  void define_all(std::size_t index) {
    const Graph& graph = model_.graphs[index];
    for (const Value& input : graph.inputs) define(index, input.name, kBeforeNodes, 0);
    for (const Tensor& tensor : graph.initializers) {
      // An initialiser of an input's name is that input's default value.
      const bool is_default =
          std::ranges::find(graph.inputs, tensor.name, &Value::name) != graph.inputs.end();
      if (!is_default) define(index, tensor.name, kBeforeNodes, tensor.offset);
      check_tensor(tensor);
    }
    for (const Tensor& tensor : graph.sparse_initializers) {
      define(index, tensor.name, kBeforeNodes, tensor.offset);
      check_tensor(tensor);
    }
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const std::string& output : graph.nodes[n].outputs) {
        define(index, output, static_cast<std::ptrdiff_t>(n), graph.nodes[n].offset);
      }
    }
  }

  void check_node(std::size_t index, std::size_t n) {
    const Node& node = model_.graphs[index].nodes[n];
    const auto place = static_cast<std::ptrdiff_t>(n);
    if (!is_own(node.domain)) {
      add(ProblemKind::kCustomDomain, node.offset,
          "operator '" + printable(node.op) + "' of the custom domain '" + printable(node.domain) + "'");
    }
    for (const std::string& input : node.inputs) {
      if (!input.empty() && !visible(index, place, input)) {
        add(ProblemKind::kMalformed, node.offset,
            "operator '" + printable(node.op) + "' reads '" + printable(input) +
                "' before anything defines it");
      }
    }
    for (const Attribute& attribute : node.attributes) {
      for (const Tensor& tensor : attribute.tensors) check_tensor(tensor);
      for (const std::size_t child : attribute.graphs) owners_[child] = {.graph = index, .node = place};
    }
  }

  // Graphs lie behind the one that holds them, so an owner is known before its subgraphs are checked.
  void check_graph(std::size_t index) {
    const Graph& graph = model_.graphs[index];
    if (graph.kind == GraphKind::kFunction) {
      add(ProblemKind::kFunction, 0, "function '" + printable(graph.domain + "." + graph.name) + "'");
    }
    if (graph.kind == GraphKind::kTraining)
      add(ProblemKind::kTrainingInfo, 0, "a graph of training information");
    define_all(index);
    for (std::size_t n = 0; n < graph.nodes.size(); ++n) check_node(index, n);
    // Training graphs also see the names of the main graph, which this does not follow.
    if (graph.kind == GraphKind::kTraining) return;
    for (const Value& output : graph.outputs) {
      if (!visible(index, static_cast<std::ptrdiff_t>(graph.nodes.size()), output.name)) {
        add(ProblemKind::kMalformed, 0, "nothing computes the output '" + printable(output.name) + "'");
      }
    }
  }

  const Model& model_;
  std::vector<Definitions> definitions_;
  std::vector<Owner> owners_;
  std::vector<Problem> problems_;
};

}  // namespace

std::size_t bits_of(DataType type) {
  switch (type) {
    case DataType::kUint2:
    case DataType::kInt2: return 2;
    case DataType::kUint4:
    case DataType::kInt4:
    case DataType::kFloat4E2m1: return 4;
    case DataType::kUint8:
    case DataType::kInt8:
    case DataType::kFloat8E4m3fn:
    case DataType::kFloat8E4m3fnuz:
    case DataType::kFloat8E5m2:
    case DataType::kFloat8E5m2fnuz:
    case DataType::kFloat8E8m0:
    case DataType::kBool: return 8;
    case DataType::kUint16:
    case DataType::kInt16:
    case DataType::kFloat16:
    case DataType::kBfloat16: return 16;
    case DataType::kFloat:
    case DataType::kInt32:
    case DataType::kUint32: return 32;
    case DataType::kInt64:
    case DataType::kUint64:
    case DataType::kDouble:
    case DataType::kComplex64: return 64;
    case DataType::kComplex128: return 128;
    case DataType::kUndefined:
    case DataType::kString: return 0;
  }
  return 0;
}

std::string_view name_of(ProblemKind kind) {
  switch (kind) {
    case ProblemKind::kExternalData: return "external data";
    case ProblemKind::kCustomDomain: return "custom domain";
    case ProblemKind::kFunction: return "function";
    case ProblemKind::kTrainingInfo: return "training information";
    case ProblemKind::kUnknownField: return "unknown field";
    case ProblemKind::kOperatorSets: return "operator sets";
    case ProblemKind::kMalformed: break;
  }
  return "malformed";
}

std::vector<Problem> problems_of(const Model& model) { return Examiner(model).run(); }

Result<void> verify_onnx(const Model& model) {
  const std::vector<Problem> problems = problems_of(model);
  if (problems.empty()) return {};
  const ErrorKind kind =
      problems.front().kind >= ProblemKind::kOperatorSets ? ErrorKind::kInvalid : ErrorKind::kUnsupported;
  return fail(
      kind, "onnx: " + problems.front().message + " (byte " + std::to_string(problems.front().offset) + ")");
}

}  // namespace sallyport::formats::onnx
