// YAML as other programs write it: several documents, anchors, merge keys and tags of their own, with the
// line of every node. For looking at it, not for being configured by it; that is core/yaml.h.
//
// The nodes of a stream stand in one vector, each in front of all that it holds. Aliases are written out, so
// that a bomb of them meets limits::kYamlTreeNodesMax and is an error; depth is bounded likewise. Pure
// functions, safe from any thread; a view must not outlive its tree.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/result.h"

namespace sallyport::formats {

struct YamlNode {
  enum class Kind : std::uint8_t { kScalar, kList, kMap };
  Kind kind = Kind::kScalar;
  std::string key = {};   // of a member of a map
  std::string text = {};  // of a scalar
  std::size_t line = 0;
  std::size_t end = 0;  // one past the last node that it holds
};

// A node, or none: a look-up of what is not there gives none, of which everything is empty.
class YamlView {
 public:
  YamlView() = default;
  YamlView(const std::vector<YamlNode>& nodes, std::size_t at) : nodes_(&nodes), at_(at) {}

  explicit operator bool() const { return nodes_ != nullptr; }
  bool is_map() const { return nodes_ != nullptr && node().kind == YamlNode::Kind::kMap; }
  bool is_list() const { return nodes_ != nullptr && node().kind == YamlNode::Kind::kList; }
  bool is_scalar() const { return nodes_ != nullptr && node().kind == YamlNode::Kind::kScalar; }
  std::string_view key() const { return nodes_ == nullptr ? std::string_view() : node().key; }
  std::string_view text() const { return nodes_ == nullptr ? std::string_view() : node().text; }
  std::size_t line() const { return nodes_ == nullptr ? 0 : node().line; }
  // true, yes and on, however they are spelt.
  bool is_true() const;
  bool is_false() const;

  std::vector<YamlView> children() const;
  // A member of a map, of its own or merged into it by "<<".
  YamlView find(std::string_view key) const;
  // A scalar by itself, or each of a list.
  std::vector<YamlView> each() const;

 private:
  const YamlNode& node() const { return (*nodes_)[at_]; }

  const std::vector<YamlNode>* nodes_ = nullptr;
  std::size_t at_ = 0;
};

struct YamlTree {
  std::vector<YamlNode> nodes = {};
  std::vector<std::size_t> roots = {};  // one a document

  std::vector<YamlView> documents() const;
};

// Error with the line where it is no YAML, or too much of it.
Result<YamlTree> read_yaml_tree(std::string_view text);

}  // namespace sallyport::formats
