// TensorFlow's frozen graphs, meta graphs and saved models: what each operator would touch.
#include "formats/tensorflow.h"

#include <algorithm>
#include <optional>

#include "formats/inspect/inspect.h"
#include "formats/protobuf_kind.h"
#include "formats/tensorflow_operators.h"
#include "formats/utf8.h"

namespace sallyport::formats::inspect {
namespace {

using tensorflow::Kind;
using tensorflow::Standing;

std::optional<Kind> kind_of(BytesView bytes) {
  if (looks_like_saved_model(bytes) && bytes[0] == 0x08) return Kind::kSavedModel;
  if (looks_like_graph_def(bytes)) return Kind::kGraphDef;
  if (looks_like_meta_graph(bytes)) return Kind::kMetaGraph;
  return {};
}

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kGraphDef: return "tensorflow-graph";
    case Kind::kMetaGraph: return "tensorflow-meta-graph";
    case Kind::kSavedModel: break;
  }
  return "tensorflow-saved-model";
}

bool plausible(const Layer& layer) { return kind_of(layer.bytes).has_value(); }

void say(Probe& probe, std::string rule, Severity severity, const tensorflow::Node& node, std::string what) {
  std::string message = "operator '" + printable(node.op) + "' of node '" + printable(node.name) + "' ";
  if (!node.function.empty()) message += "in function '" + printable(node.function) + "' ";
  probe.observe({.topic = Topic::kGraph,
                 .rule = std::move(rule),
                 .severity = severity,
                 .offset = node.offset,
                 .message = message + std::move(what),
                 .remedy = "export the model again without it, or take weights in a data-only format"});
}

// The saver of a SavedModel lies in its graph; a frozen graph has none.
void judge_node(Probe& probe, Kind kind, const tensorflow::Node& node) {
  const bool addresses = node.target.find("file:") != std::string::npos ||
                         node.target.find("://") != std::string::npos ||
                         (node.op == "DecodeProtoV2" && node.target.find('/') != std::string::npos);
  const Standing standing = tensorflow::standing_of(node.op);
  // A vocabulary of a SavedModel is one of its assets, which its loader resolves.
  if (kind != Kind::kGraphDef && node.op.starts_with("InitializeTableFromTextFile")) return;
  switch (standing) {
    case Standing::kPlain: break;
    case Standing::kCheckpoint:
      if (kind != Kind::kGraphDef) return;
      return say(probe, "tensorflow-checkpoint-operator", Severity::kHigh, node,
                 std::string(tensorflow::reason(standing)));
    case Standing::kFiles:
    case Standing::kNetwork:
    case Standing::kCode: {
      const std::string target = node.target.empty() ? "" : ": '" + printable(node.target) + "'";
      const std::string_view rule = standing == Standing::kFiles     ? "tensorflow-file-operator"
                                    : standing == Standing::kNetwork ? "tensorflow-network-operator"
                                                                     : "tensorflow-calling-operator";
      return say(probe, std::string(rule), Severity::kHigh, node,
                 std::string(tensorflow::reason(standing)) + target);
    }
    case Standing::kUnknown:
      return say(probe, "tensorflow-custom-operator", Severity::kHigh, node,
                 std::string(tensorflow::reason(standing)));
  }
  if (addresses) {
    say(probe, "tensorflow-addressing-operator", Severity::kHigh, node,
        "reaches '" + printable(node.target) + "'");
  }
}

void inspect_tensorflow(Probe& probe) {
  const std::optional<Kind> kind = kind_of(probe.bytes());
  if (!kind) return;
  probe.claim(name_of(*kind));
  const Result<tensorflow::Graphs> graphs = tensorflow::read_tensorflow(probe.bytes(), *kind);
  if (!graphs) {
    probe.unread(0, probe.bytes().size(), graphs.error().message);
    return;
  }
  if (!graphs->versioned) {
    probe.unread(0, 0, "tensorflow: no version is named, as in a graph that was cut between two nodes");
  }
  for (const tensorflow::Node& node : graphs->nodes) {
    // A node may call a function of the library by its name.
    if (!std::ranges::binary_search(graphs->functions, node.op)) judge_node(probe, *kind, node);
  }
  for (const tensorflow::Text& text : graphs->descriptions) {
    probe.nest("metadata.json", text.offset, text.length, Codec::kNone, Role::kTyped);
  }
  std::uint64_t at = 0;
  for (const tensorflow::Stretch& gap : graphs->unknown) {
    if (gap.offset > at) probe.account(at, gap.offset - at);
    at = gap.offset + gap.length;
  }
  probe.account(at, probe.bytes().size() - at);
}

}  // namespace

extern const Inspector tensorflow_inspector;
const Inspector tensorflow_inspector{
    .id = "tensorflow", .plausible = plausible, .inspect = inspect_tensorflow};

}  // namespace sallyport::formats::inspect
