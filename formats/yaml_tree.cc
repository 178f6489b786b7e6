#include "formats/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <map>
#include <optional>
#include <sstream>

#include "core/limits/repository.h"
#include "formats/yaml_progress.h"

namespace sallyport::formats {
namespace {

bool is_one_of(std::string_view text, std::string_view a, std::string_view b, std::string_view c) {
  std::string low(text);
  for (char& letter : low) {
    if (letter >= 'A' && letter <= 'Z') letter = static_cast<char>(letter - 'A' + 'a');
  }
  return low == a || low == b || low == c;
}

class TreeBuilder : public YAML::EventHandler {
 public:
  const std::string& error() const { return error_; }
  YamlTree take() { return std::move(tree_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (!progress_.begin_document(mark)) refuse(mark, "no document may begin here");
    anchors_.clear();
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add_scalar(mark, anchor, ""); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                const std::string& value) override {
    add_scalar(mark, anchor, value);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    start(mark, anchor, YamlNode::Kind::kList);
  }
  void OnSequenceEnd() override { finish(); }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    start(mark, anchor, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { finish(); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;

 private:
  struct Open {
    std::size_t node = 0;
    std::optional<std::string> key = {};  // of a map, when its value is due
  };

  void refuse(const YAML::Mark& mark, const std::string& what) {
    if (error_.empty()) error_ = "line " + std::to_string(mark.line + 1) + ": " + what;
  }
  // Where a node comes to stand; false when it is the key of a map.
  bool place(const YAML::Mark& mark, const std::string& text, YamlNode& node) {
    if (tree_.nodes.size() >= limits::kYamlTreeNodesMax) refuse(mark, "more nodes than are read");
    if (!error_.empty()) return false;
    node.line = static_cast<std::size_t>(mark.line) + 1;
    if (open_.empty()) {
      tree_.roots.push_back(tree_.nodes.size());
      return true;
    }
    Open& parent = open_.back();
    if (tree_.nodes[parent.node].kind != YamlNode::Kind::kMap) return true;
    if (!parent.key) {
      parent.key = text;
      return false;
    }
    node.key = std::move(*parent.key);
    parent.key.reset();
    return true;
  }
  void add_scalar(const YAML::Mark& mark, YAML::anchor_t anchor, const std::string& text) {
    YamlNode node{.text = text};
    if (!place(mark, text, node)) return;
    // The parser marks a block scalar where its "|" stands; its text begins on the next line.
    if (text.find('\n') != std::string::npos) ++node.line;
    node.end = tree_.nodes.size() + 1;
    if (anchor != 0) anchors_[anchor] = tree_.nodes.size();
    tree_.nodes.push_back(std::move(node));
  }
  void start(const YAML::Mark& mark, YAML::anchor_t anchor, YamlNode::Kind kind) {
    YamlNode node{.kind = kind};
    if (open_.size() >= limits::kYamlTreeDepthMax) refuse(mark, "nested too deep");
    if (error_.empty() && !open_.empty() && tree_.nodes[open_.back().node].kind == YamlNode::Kind::kMap &&
        !open_.back().key) {
      refuse(mark, "a key that is no text");
    }
    if (!place(mark, "", node)) return;
    if (anchor != 0) anchors_[anchor] = tree_.nodes.size();
    open_.push_back({.node = tree_.nodes.size()});
    tree_.nodes.push_back(std::move(node));
  }
  void finish() {
    if (!error_.empty() || open_.empty()) return;
    tree_.nodes[open_.back().node].end = tree_.nodes.size();
    open_.pop_back();
  }

  YamlTree tree_;
  YamlProgress progress_;
  std::string error_;
  std::vector<Open> open_;
  std::map<YAML::anchor_t, std::size_t> anchors_;
};

void TreeBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  const auto found = anchors_.find(anchor);
  // An anchor inside of itself has no end yet.
  if (found == anchors_.end() || tree_.nodes[found->second].end == 0)
    return refuse(mark, "an alias of itself");
  const std::size_t begin = found->second;
  const std::size_t count = tree_.nodes[begin].end - begin;
  YamlNode head = tree_.nodes[begin];
  const std::string key = head.text;
  head.key.clear();
  if (!place(mark, key, head)) return;
  if (count > limits::kYamlTreeNodesMax - tree_.nodes.size())
    return refuse(mark, "aliases of more than is read");
  const std::size_t shift = tree_.nodes.size() - begin;
  head.end += shift;
  tree_.nodes.push_back(std::move(head));
  for (std::size_t i = 1; i < count; ++i) {
    YamlNode copy = tree_.nodes[begin + i];
    copy.end += shift;
    tree_.nodes.push_back(std::move(copy));
  }
}

}  // namespace

bool YamlView::is_true() const { return is_scalar() && is_one_of(text(), "true", "yes", "on"); }
bool YamlView::is_false() const { return is_scalar() && is_one_of(text(), "false", "no", "off"); }

std::vector<YamlView> YamlView::children() const {
  std::vector<YamlView> out;
  if (nodes_ == nullptr || is_scalar()) return out;
  for (std::size_t at = at_ + 1; at < node().end; at = (*nodes_)[at].end) out.emplace_back(*nodes_, at);
  return out;
}

YamlView YamlView::find(std::string_view key) const {
  if (!is_map()) return {};
  YamlView merged;
  for (std::size_t at = at_ + 1; at < node().end; at = (*nodes_)[at].end) {
    const YamlNode& member = (*nodes_)[at];
    if (member.key == key) return {*nodes_, at};
    if (member.key != "<<" || merged) continue;
    // A merge of a merge is not followed: one level is what people write.
    const YamlView source(*nodes_, at);
    for (const YamlView& map : source.is_list() ? source.children() : std::vector<YamlView>{source}) {
      for (const YamlView& inner : map.children()) {
        if (inner.key() == key && !merged) merged = inner;
      }
    }
  }
  return merged;
}

std::vector<YamlView> YamlView::each() const {
  if (is_list()) return children();
  return is_scalar() ? std::vector<YamlView>{*this} : std::vector<YamlView>{};
}

std::vector<YamlView> YamlTree::documents() const {
  std::vector<YamlView> out;
  for (const std::size_t root : roots) out.emplace_back(nodes, root);
  return out;
}

Result<YamlTree> read_yaml_tree(std::string_view text) {
  if (text.size() > limits::kInfraTextBytesMax) {
    return fail(ErrorKind::kLimit,
                "yaml: more than " + std::to_string(limits::kInfraTextBytesMax) + " bytes");
  }
  TreeBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (builder.error().empty() && parser.HandleNextDocument(builder)) {
    }
  } catch (const YAML::Exception& error) {
    return invalid("yaml: line " + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  if (!builder.error().empty()) return invalid("yaml: " + builder.error());
  return builder.take();
}

}  // namespace sallyport::formats
