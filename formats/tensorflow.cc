#include "formats/tensorflow.h"

#include <algorithm>
#include <array>

#include "core/limits.h"
#include "formats/protobuf_schema.h"

namespace sallyport::formats::tensorflow {
namespace {

enum Message : std::uint16_t {
  kSavedModel,
  kMetaGraph,
  kMetaInfo,
  kGraph,
  kNode,
  kNodeDebug,
  kAttrEntry,
  kAttr,
  kList,
  kNamedAttrs,
  kShape,
  kDim,
  kTensor,
  kHandle,
  kDtypeShape,
  kVariant,
  kLibrary,
  kFunction,
  kPairs,  // a map's entry of two plain values
  kArgAttrs,
  kArgAttrsEntry,
  kGradient,
  kOpDef,
  kArgDef,
  kAttrDef,
  kDeprecation,
  kVersions,
  kFullType,
  kOpList,
  kObjectGraph,
  kObject,
  kUserObject,
  kAnyInfo,
};

constexpr FieldRule text(Message in, std::uint32_t number) { return {in, number, WireType::kLength, kLeaf}; }
constexpr FieldRule whole(Message in, std::uint32_t number) { return {in, number, WireType::kVarint, kLeaf}; }
constexpr FieldRule four(Message in, std::uint32_t number) { return {in, number, WireType::kFixed32, kLeaf}; }
constexpr FieldRule eight(Message in, std::uint32_t number) {
  return {in, number, WireType::kFixed64, kLeaf};
}
constexpr FieldRule nested(Message in, std::uint32_t number, Message child) {
  return {in, number, WireType::kLength, child};
}

// Sorted by message and number. Parts that no loader acts on are texts: collections, signatures, the saver.
// clang-format off
constexpr FieldRule kRules[] = {
    whole(kSavedModel, 1), nested(kSavedModel, 2, kMetaGraph),
    nested(kMetaGraph, 1, kMetaInfo), nested(kMetaGraph, 2, kGraph), text(kMetaGraph, 3), text(kMetaGraph, 4),
    text(kMetaGraph, 5), text(kMetaGraph, 6), nested(kMetaGraph, 7, kObjectGraph),
    text(kMetaInfo, 1), nested(kMetaInfo, 2, kOpList), nested(kMetaInfo, 3, kAnyInfo), text(kMetaInfo, 4),
    text(kMetaInfo, 5), text(kMetaInfo, 6), whole(kMetaInfo, 7), nested(kMetaInfo, 8, kPairs),
    nested(kGraph, 1, kNode), nested(kGraph, 2, kLibrary), whole(kGraph, 3), nested(kGraph, 4, kVersions),
    text(kGraph, 5),
    text(kNode, 1), text(kNode, 2), text(kNode, 3), text(kNode, 4), nested(kNode, 5, kAttrEntry),
    nested(kNode, 6, kNodeDebug), nested(kNode, 7, kFullType),
    text(kNodeDebug, 1), text(kNodeDebug, 2),
    text(kAttrEntry, 1), nested(kAttrEntry, 2, kAttr),
    nested(kAttr, 1, kList), text(kAttr, 2), whole(kAttr, 3), four(kAttr, 4), whole(kAttr, 5),
    whole(kAttr, 6), nested(kAttr, 7, kShape), nested(kAttr, 8, kTensor), text(kAttr, 9),
    nested(kAttr, 10, kNamedAttrs),
    text(kList, 2), whole(kList, 3), text(kList, 3), four(kList, 4), text(kList, 4), whole(kList, 5),
    text(kList, 5), whole(kList, 6), text(kList, 6), nested(kList, 7, kShape), nested(kList, 8, kTensor),
    nested(kList, 9, kNamedAttrs),
    text(kNamedAttrs, 1), nested(kNamedAttrs, 2, kAttrEntry),
    nested(kShape, 2, kDim), whole(kShape, 3),
    whole(kDim, 1), text(kDim, 2),
    whole(kTensor, 1), nested(kTensor, 2, kShape), whole(kTensor, 3), text(kTensor, 4), four(kTensor, 5),
    text(kTensor, 5), eight(kTensor, 6), text(kTensor, 6), whole(kTensor, 7), text(kTensor, 7),
    text(kTensor, 8), four(kTensor, 9), text(kTensor, 9), whole(kTensor, 10), text(kTensor, 10),
    whole(kTensor, 11), text(kTensor, 11), eight(kTensor, 12), text(kTensor, 12), whole(kTensor, 13),
    text(kTensor, 13), nested(kTensor, 14, kHandle), nested(kTensor, 15, kVariant), whole(kTensor, 16),
    text(kTensor, 16), whole(kTensor, 17), text(kTensor, 17), text(kTensor, 18),
    text(kHandle, 1), text(kHandle, 2), text(kHandle, 3), whole(kHandle, 4), text(kHandle, 5),
    nested(kHandle, 6, kDtypeShape),
    whole(kDtypeShape, 1), nested(kDtypeShape, 2, kShape),
    text(kVariant, 1), text(kVariant, 2), nested(kVariant, 3, kTensor),
    nested(kLibrary, 1, kFunction), nested(kLibrary, 2, kGradient), nested(kLibrary, 3, kGradient),
    nested(kFunction, 1, kOpDef), nested(kFunction, 3, kNode), nested(kFunction, 4, kPairs),
    nested(kFunction, 5, kAttrEntry), nested(kFunction, 6, kPairs), nested(kFunction, 7, kArgAttrsEntry),
    nested(kFunction, 8, kPairs),
    text(kPairs, 1), whole(kPairs, 1), text(kPairs, 2), whole(kPairs, 2),
    nested(kArgAttrs, 1, kAttrEntry),
    whole(kArgAttrsEntry, 1), nested(kArgAttrsEntry, 2, kArgAttrs),
    text(kGradient, 1), text(kGradient, 2),
    text(kOpDef, 1), nested(kOpDef, 2, kArgDef), nested(kOpDef, 3, kArgDef), nested(kOpDef, 4, kAttrDef),
    text(kOpDef, 5), text(kOpDef, 6), nested(kOpDef, 8, kDeprecation), whole(kOpDef, 16), whole(kOpDef, 17),
    whole(kOpDef, 18), whole(kOpDef, 19), text(kOpDef, 20), whole(kOpDef, 21),
    text(kArgDef, 1), text(kArgDef, 2), whole(kArgDef, 3), text(kArgDef, 4), text(kArgDef, 5),
    text(kArgDef, 6), nested(kArgDef, 7, kDtypeShape), whole(kArgDef, 16), nested(kArgDef, 17, kFullType),
    text(kAttrDef, 1), text(kAttrDef, 2), nested(kAttrDef, 3, kAttr), text(kAttrDef, 4), whole(kAttrDef, 5),
    whole(kAttrDef, 6), nested(kAttrDef, 7, kAttr),
    whole(kDeprecation, 1), text(kDeprecation, 2),
    whole(kVersions, 1), whole(kVersions, 2), whole(kVersions, 3), text(kVersions, 3),
    whole(kFullType, 1), nested(kFullType, 2, kFullType), text(kFullType, 3), whole(kFullType, 4),
    nested(kOpList, 1, kOpDef),
    nested(kObjectGraph, 1, kObject), text(kObjectGraph, 2),
    text(kObject, 1), text(kObject, 3), nested(kObject, 4, kUserObject), text(kObject, 5), text(kObject, 6),
    text(kObject, 7), text(kObject, 8), text(kObject, 9), text(kObject, 10), text(kObject, 11),
    text(kObject, 12), text(kObject, 13), text(kObject, 14), text(kObject, 15),
    text(kUserObject, 1), text(kUserObject, 2), text(kUserObject, 3),
    text(kAnyInfo, 1), text(kAnyInfo, 2),
};
// clang-format on
constexpr auto key_of = [](const FieldRule& rule) { return std::pair{rule.message, rule.number}; };
static_assert(std::ranges::is_sorted(kRules, {}, key_of));

// Attributes whose text says where an operator reaches.
constexpr std::array<std::string_view, 8> kTargets = {
    "output_stream", "descriptor_source", "filename",     "memory_region_name",
    "debug_urls",    "address",           "file_pattern", "path"};

class Collector : public SchemaVisitor {
 public:
  explicit Collector(BytesView bytes) : bytes_(bytes) {}

  void enter(std::uint16_t message, const Field& field) override {
    if (message == kFunction) {
      function_.clear();
      in_function_ = true;
    }
    if (message == kVersions) out.versioned = true;
    if (message == kAttrEntry && depth_ == 0) attribute_ = {};
    if (message == kAttrEntry || message == kAttr) ++depth_;
    if (message != kNode) return;
    if (out.nodes.size() >= limits::kTensorflowNodesMax) {
      too_many = true;
      return;
    }
    out.nodes.push_back({.function = function_, .offset = field.offset});
  }

  void leave(std::uint16_t message) override {
    if (message == kFunction) {
      function_.clear();
      in_function_ = false;
    }
    if (message == kAttrEntry || message == kAttr) --depth_;
  }

  void value(std::uint16_t message, const Field& field) override {
    const std::string_view said = as_text(field.bytes);
    if (message == kUserObject && field.number == 3 && said.starts_with('{')) {
      out.descriptions.push_back({static_cast<std::size_t>(field.bytes.data() - bytes_.data()), said.size()});
    }
    if (message == kOpDef && field.number == 1 && in_function_) {
      function_ = std::string(said);
      out.functions.push_back(function_);
    }
    if (out.nodes.empty() || too_many) return;
    Node& node = out.nodes.back();
    if (message == kNode && field.number == 1) node.name = std::string(said);
    if (message == kNode && field.number == 2) node.op = std::string(said);
    if (message == kAttrEntry) attribute_ = said;
    const bool told = (message == kAttr || message == kList) && field.number == 2;
    if (told && std::ranges::find(kTargets, attribute_) != kTargets.end())
      node.target += std::string(said) + " ";
  }

  void unknown(std::uint16_t, const Field& field) override {
    out.unknown.push_back({field.offset, field.size});
  }

  Graphs out = {};
  bool too_many = false;

 private:
  BytesView bytes_;
  std::string function_ = {};
  bool in_function_ = false;  // a SavedModel also lists the operators that it uses
  std::string_view attribute_ = {};
  int depth_ = 0;
};

}  // namespace

Result<Graphs> read_tensorflow(BytesView bytes, Kind kind) {
  Collector collector(bytes);
  const Message root = kind == Kind::kGraphDef ? kGraph : kind == Kind::kMetaGraph ? kMetaGraph : kSavedModel;
  TRY(walk(bytes, 0, root, kRules, collector));
  if (collector.too_many) {
    return fail(ErrorKind::kLimit, "tensorflow: more than kTensorflowNodesMax nodes");
  }
  std::ranges::sort(collector.out.functions);
  return std::move(collector.out);
}

}  // namespace sallyport::formats::tensorflow
