#include "formats/onnx_logic.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "core/limits.h"
#include "formats/onnx_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::onnx {
namespace {

// What is known of a value. No flag: it does not depend on what the model is given, shapes apart.
enum Flag : unsigned {
  kRaw = 1,       // of the input
  kLearned = 2,   // went through a learned layer
  kDigest = 4,    // a few values stand for many: a sum, a maximum, chosen positions
  kCompared = 8,  // compared with constants, element by element
  kBit = 16,      // whether the input is a certain one
  kMany = 32,     // of an input with more than one value: a digest of one value is that value
};
using Flags = std::unordered_map<std::string_view, unsigned>;
using Names = std::unordered_set<std::string_view>;

template <std::size_t N>
bool among(const std::array<std::string_view, N>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool compares(std::string_view op) {
  static constexpr std::array<std::string_view, 5> kOps = {"Equal", "Greater", "Less", "GreaterOrEqual",
                                                           "LessOrEqual"};
  return among(kOps, op);
}

bool digests(std::string_view op) {
  static constexpr std::array<std::string_view, 12> kOps = {
      "ArgMax", "ArgMin", "Gather",        "GatherND",          "GatherElements", "Slice",
      "Split",  "Det",    "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool",   "ArrayFeatureExtractor"};
  return op.starts_with("Reduce") || is_learned(op) || among(kOps, op);
}

// All or any of many comparisons in one.
bool gathers_bits(std::string_view op) {
  static constexpr std::array<std::string_view, 3> kOps = {"ReduceMin", "ReduceMax", "ReduceProd"};
  return among(kOps, op);
}

// A scalar beside the data, such as a sampling rate, which callers pass to choose what they get.
bool is_one_value(const Value& input) {
  return input.shape &&
         std::ranges::all_of(*input.shape, [](const Extent& extent) { return extent.value == 1; });
}

bool forgets_values(std::string_view op) { return op == "Shape" || op == "Size" || op == "ConstantOfShape"; }

class Analysis {
 public:
  explicit Analysis(const Model& model)
      : model_(model),
        flags_(model.graphs.size()),
        free_(model.graphs.size()),
        learned_(model.graphs.size()),
        owners_(model.graphs.size()) {}

  std::vector<HiddenChoice> run() {
    // A graph lies behind the one that holds it.
    for (std::size_t i = model_.graphs.size(); i-- > 0;) summarise(i);
    for (std::size_t i = 0; i < model_.graphs.size(); ++i) {
      const Graph& graph = model_.graphs[i];
      const bool judged =
          graph.kind != GraphKind::kTraining && (graph.kind != GraphKind::kSubgraph || owners_[i].branch);
      follow(i);
      if (judged) judge(i);
      candidates_.clear();
    }
    return std::move(found_);
  }

 private:
  struct Owner {
    std::size_t graph = 0;
    bool branch = false;  // of an If, not the body of a loop
  };
  struct Candidate {
    const Node* node = nullptr;
  };

  template <class Visit>
  void each_child(const Node& node, Visit visit) const {
    for (const Attribute& attribute : node.attributes) {
      for (const std::size_t child : attribute.graphs) visit(child);
    }
  }

  // The names that a graph takes from around it, and whether it holds a learned layer.
  void summarise(std::size_t index) {
    const Graph& graph = model_.graphs[index];
    Names& free = free_[index];
    for (const Node& node : graph.nodes) {
      free.insert(node.inputs.begin(), node.inputs.end());
      learned_[index] = learned_[index] || is_learned(node.op);
      each_child(node, [&](std::size_t child) {
        free.insert(free_[child].begin(), free_[child].end());
        learned_[index] = learned_[index] || learned_[child];
        owners_[child] = {.graph = index, .branch = node.op == "If"};
      });
    }
    for (const Value& output : graph.outputs) free.insert(output.name);
    for (const Value& input : graph.inputs) free.erase(input.name);
    for (const Tensor& tensor : graph.initializers) free.erase(tensor.name);
    for (const Node& node : graph.nodes) {
      for (const std::string& output : node.outputs) free.erase(output);
    }
  }

  unsigned flags_of(std::size_t graph, std::string_view name) const {
    for (std::size_t level = 0; level <= limits::kOnnxDepthMax; ++level) {
      const auto found = flags_[graph].find(name);
      if (found != flags_[graph].end()) return found->second;
      if (model_.graphs[graph].kind != GraphKind::kSubgraph) return 0;
      graph = owners_[graph].graph;
    }
    return 0;
  }

  void follow(std::size_t index) {
    const Graph& graph = model_.graphs[index];
    for (const Value& input : graph.inputs) {
      flags_[index][input.name] = is_one_value(input) ? kRaw : kRaw | kMany;
    }
    for (const Tensor& tensor : graph.initializers) flags_[index][tensor.name] = 0;
    for (const Node& node : graph.nodes) {
      const unsigned flags = result_of(index, node);
      for (const std::string& output : node.outputs) flags_[index][output] = flags;
    }
  }

  unsigned result_of(std::size_t index, const Node& node) {
    if (forgets_values(node.op)) return 0;
    unsigned all = 0;
    unsigned beside_bits = 0;  // of the inputs that are no bit
    bool constant_beside = false;
    const auto take = [&](std::string_view name) {
      const unsigned flags = flags_of(index, name);
      all |= flags;
      if ((flags & kBit) == 0) beside_bits |= flags;
      constant_beside = constant_beside || (flags & (kRaw | kLearned)) == 0;
    };
    for (const std::string& input : node.inputs) {
      if (!input.empty()) take(input);
    }
    each_child(node, [&](std::size_t child) {
      for (const std::string_view name : free_[child]) take(name);
      if (learned_[child]) beside_bits |= kLearned;
    });
    if ((all & kBit) != 0 && (beside_bits & kLearned) != 0) {
      candidates_.push_back({&node});
      return kRaw | kMany | kLearned;
    }
    if (compares(node.op) && constant_beside && (all & (kRaw | kLearned)) != 0) {
      // What the model itself computed is compared honestly, but not for equality with one number.
      const bool of_input = (all & kLearned) == 0 || node.op == "Equal";
      if ((all & kDigest) != 0 && of_input) return kRaw | kBit;
      return kRaw | kCompared | (all & (kLearned | kMany));
    }
    const bool many_compared = (all & kCompared) != 0 && (all & kMany) != 0;
    if (gathers_bits(node.op) && many_compared && (all & kLearned) == 0) return kRaw | kBit;
    if (is_learned(node.op)) all = (all & (kRaw | kLearned)) == 0 ? 0 : kRaw | kMany | kLearned | kDigest;
    if (digests(node.op) && (all & kMany) != 0) all |= kDigest;
    return all;
  }

  // Reports the merges from which no learned layer lies before an output.
  void judge(std::size_t index) {
    if (candidates_.empty()) return;
    const Graph& graph = model_.graphs[index];
    Names late;
    for (const Value& output : graph.outputs) late.insert(output.name);
    for (auto node = graph.nodes.rbegin(); node != graph.nodes.rend(); ++node) {
      const bool leads = std::ranges::any_of(node->outputs, [&](const auto& o) { return late.contains(o); });
      if (!leads || is_learned(node->op)) continue;
      late.insert(node->inputs.begin(), node->inputs.end());
      each_child(*node, [&](std::size_t child) { late.insert(free_[child].begin(), free_[child].end()); });
    }
    for (const Candidate& candidate : candidates_) {
      const Node& node = *candidate.node;
      const bool leads = std::ranges::any_of(node.outputs, [&](const auto& o) { return late.contains(o); });
      if (!leads || found_.size() >= limits::kInspectSeenMax) continue;
      found_.push_back(
          {.offset = node.offset, .node = printable(node.op) + " '" + printable(node.name) + "'"});
    }
  }

  const Model& model_;
  std::vector<Flags> flags_;
  std::vector<Names> free_;
  std::vector<bool> learned_;
  std::vector<Owner> owners_;
  std::vector<Candidate> candidates_;
  std::vector<HiddenChoice> found_;
};

}  // namespace

std::vector<HiddenChoice> hidden_choices(const Model& model) { return Analysis(model).run(); }

}  // namespace sallyport::formats::onnx
