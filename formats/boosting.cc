#include "formats/boosting.h"

#include <cstdint>
#include <map>
#include <optional>

#include "core/bytes.h"
#include "core/limits/trees.h"
#include "core/text.h"

namespace sallyport::formats::boosting {
namespace {

class Flaws {
 public:
  void add(std::size_t offset, std::string message) {
    if (out_.size() < limits::kTreeFlawsMax) out_.push_back({offset, std::move(message)});
  }
  std::vector<Flaw> take() { return std::move(out_); }

 private:
  std::vector<Flaw> out_;
};

std::string tree_name(std::size_t tree) { return "tree " + std::to_string(tree) + ": "; }

using Integers = std::vector<std::int64_t>;

// A node is the child of at most one other and the root of none: then every way down ends.
void judge_children(const Integers& left, const Integers& right, std::size_t nodes, const std::string& tree,
                    std::size_t offset, Flaws& flaws) {
  std::vector<bool> is_child(nodes, false);
  for (std::size_t i = 0; i < left.size(); ++i) {
    for (const std::int64_t child : {left[i], right[i]}) {
      if (child < 0) continue;
      const auto at = static_cast<std::size_t>(child);
      if (at >= nodes) {
        flaws.add(offset, tree + "child " + std::to_string(child) + " of node " + std::to_string(i) +
                              " is none of " + std::to_string(nodes) + " nodes");
      } else if (at == 0 || is_child[at]) {
        flaws.add(offset, tree + "node " + std::to_string(child) + " is reached on two ways, or in a circle");
      } else {
        is_child[at] = true;
      }
    }
  }
}

// Whole numbers of a member; nothing when it is no list of them.
std::optional<Integers> numbers_of(const Json& object, const char* name) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_array()) return std::nullopt;
  Integers out;
  out.reserve(found->size());
  for (const Json& value : *found) {
    if (!value.is_number_integer()) return std::nullopt;
    out.push_back(value.get<std::int64_t>());
  }
  return out;
}

// XGBoost writes the numbers of its parameters as texts.
std::optional<std::int64_t> parameter(const Json& object, const char* group, const char* name) {
  const auto found = object.find(group);
  if (found == object.end() || !found->is_object() || !found->contains(name)) return std::nullopt;
  const Json& value = (*found)[name];
  if (value.is_number_integer()) return value.get<std::int64_t>();
  return value.is_string() ? parsed_number<std::int64_t>(value.get_ref<const std::string&>()) : std::nullopt;
}

void judge_xgboost_tree(const Json& tree, std::size_t number, std::int64_t features, Flaws& flaws) {
  const std::string name = tree_name(number);
  const std::optional<Integers> left = numbers_of(tree, "left_children");
  const std::optional<Integers> right = numbers_of(tree, "right_children");
  const std::optional<Integers> split = numbers_of(tree, "split_indices");
  const std::optional<std::int64_t> nodes = parameter(tree, "tree_param", "num_nodes");
  if (!left || !right || !split || !nodes) {
    flaws.add(0, name + "lacks its children, its splits or their number");
    return;
  }
  for (const char* list :
       {"left_children", "right_children", "split_indices", "split_conditions", "parents", "default_left"}) {
    const auto found = tree.find(list);
    const std::size_t size = found != tree.end() && found->is_array() ? found->size() : 0;
    if (*nodes < 1 || size != static_cast<std::size_t>(*nodes)) {
      flaws.add(0, name + list + " has " + std::to_string(size) + " entries for " + std::to_string(*nodes) +
                       " nodes");
      return;
    }
  }
  judge_children(*left, *right, left->size(), name, 0, flaws);
  for (std::size_t i = 0; i < split->size(); ++i) {
    if ((*left)[i] < 0) continue;
    if ((*split)[i] >= 0 && (*split)[i] < features) continue;
    flaws.add(0, name + "node " + std::to_string(i) + " splits by feature " + std::to_string((*split)[i]) +
                     " of " + std::to_string(features));
  }
}

const Json* member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

// The learner of a model, alone or beside the training's configuration.
const Json* learner_of(const Json& document) {
  if (const Json* model = member(document, "Model")) return member(*model, "learner");
  return member(document, "learner");
}

// LightGBM's lines NAME=VALUE of one tree, and where it begins.
struct Block {
  std::size_t offset = 0;
  std::map<std::string_view, std::string_view> values = {};
};

std::optional<Integers> list_of(const Block& block, std::string_view name) {
  const auto found = block.values.find(name);
  if (found == block.values.end()) return std::nullopt;
  Integers out;
  std::string_view rest = found->second;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    if (end > 0) {
      const std::optional<std::int64_t> number = parsed_number<std::int64_t>(rest.substr(0, end));
      if (!number) return std::nullopt;
      out.push_back(*number);
    }
    rest.remove_prefix(std::min(rest.size(), end + 1));
  }
  return out;
}

std::optional<std::int64_t> value_of(const Block& block, std::string_view name) {
  const auto found = block.values.find(name);
  return found == block.values.end() ? std::nullopt : parsed_number<std::int64_t>(found->second);
}

void judge_lightgbm_tree(const Block& block, std::size_t number, std::int64_t feature_max, Flaws& flaws) {
  const std::string name = tree_name(number);
  const std::optional<std::int64_t> leaves = value_of(block, "num_leaves");
  if (!leaves || *leaves < 1) {
    flaws.add(block.offset, name + "has no number of leaves");
    return;
  }
  if (*leaves == 1) return;
  const auto left = list_of(block, "left_child");
  const auto right = list_of(block, "right_child");
  const auto split = list_of(block, "split_feature");
  const auto nodes = static_cast<std::size_t>(*leaves - 1);
  if (!left || !right || !split || left->size() != nodes || right->size() != nodes ||
      split->size() != nodes) {
    flaws.add(block.offset,
              name + "has not a child and a split for each of " + std::to_string(nodes) + " nodes");
    return;
  }
  judge_children(*left, *right, nodes, name, block.offset, flaws);
  for (std::size_t i = 0; i < nodes; ++i) {
    for (const std::int64_t child : {(*left)[i], (*right)[i]}) {
      // A leaf is written as its complement.
      if (child >= 0 || ~child < *leaves) continue;
      flaws.add(block.offset,
                name + "leaf " + std::to_string(~child) + " is none of " + std::to_string(*leaves));
    }
    if ((*split)[i] < 0 || (*split)[i] > feature_max) {
      flaws.add(block.offset, name + "splits by feature " + std::to_string((*split)[i]) + " of " +
                                  std::to_string(feature_max + 1));
    }
  }
}

}  // namespace

bool is_xgboost(const Json& document) {
  const Json* const learner = learner_of(document);
  return learner != nullptr && member(*learner, "gradient_booster") != nullptr;
}

std::vector<Flaw> judge_xgboost(const Json& document) {
  Flaws flaws;
  const Json& learner = *learner_of(document);
  const Json* booster = member(learner, "gradient_booster");
  // DART keeps the trees one level further down.
  if (const Json* inner = member(*booster, "gbtree")) booster = inner;
  const Json* const model = member(*booster, "model");
  const Json* const trees = model == nullptr ? nullptr : member(*model, "trees");
  if (trees == nullptr || !trees->is_array()) return flaws.take();
  const std::int64_t features = parameter(learner, "learner_model_param", "num_feature").value_or(0);
  for (std::size_t i = 0; i < trees->size(); ++i) {
    if ((*trees)[i].is_object()) {
      judge_xgboost_tree((*trees)[i], i, features, flaws);
    } else {
      flaws.add(0, tree_name(i) + "is no object");
    }
  }
  return flaws.take();
}

bool is_lightgbm(std::string_view text) {
  return text.starts_with("tree\nversion=") || text.starts_with("tree\r\nversion=");
}

Lightgbm judge_lightgbm(std::string_view text) {
  Flaws flaws;
  Lightgbm out;
  Block block;
  std::size_t trees = 0;
  std::int64_t feature_max = -1;
  bool in_tree = false;
  const auto close = [&] {
    if (in_tree) judge_lightgbm_tree(block, trees++, feature_max, flaws);
    if (!in_tree) feature_max = value_of(block, "max_feature_idx").value_or(-1);
    block.values.clear();
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    if (line.starts_with("Tree=")) {
      close();
      in_tree = true;
      block.offset = at;
    } else if (line == "end of trees") {
      close();
      out.whole = true;
    } else if (line == "parameters:") {
      out.whole = false;
    } else if (line == "end of parameters") {
      out.whole = true;
    } else if (const std::size_t equals = line.find('='); equals != line.npos && trees < text.size()) {
      block.values.emplace(line.substr(0, equals), line.substr(equals + 1));
    }
    at = end + 1;
  }
  out.flaws = flaws.take();
  return out;
}

}  // namespace sallyport::formats::boosting
